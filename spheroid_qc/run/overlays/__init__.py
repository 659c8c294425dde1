"""Pictures of frames with the outlines of core and shed material."""
