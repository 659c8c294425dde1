"""Files of instruments, each read by a library of the extra `formats`."""
