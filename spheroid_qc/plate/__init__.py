"""What the experiment is: wells, file names, plate maps and the table of frames."""
