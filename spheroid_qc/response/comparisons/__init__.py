"""How much does a condition differ from its vehicle, and could that be chance?"""
