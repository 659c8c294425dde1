"""How fast does it grow? Kinetics of wells, and growth-rate inhibition of volumes."""
