"""Do drugs do more together than alone? Bliss, HSA, Loewe and the combination index."""
