"""Learning from the corrected masks of a run: propose, show before and after, keep if wanted."""
