"""OME-Zarr 0.4 and 0.5: plates and single images in folders, read plane by plane."""
