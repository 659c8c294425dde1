"""Making the network: synthetic images in, weights out. Needs the extra `training`."""
