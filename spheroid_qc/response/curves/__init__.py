"""Which dose does it take? Dose-response curves, absolute and relative, with intervals."""
