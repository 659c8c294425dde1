"""One well, in a worker: frames loaded, segmented, measured, and committed as one record."""
