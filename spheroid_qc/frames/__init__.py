"""File names -> the frame table: plate, well, field, time, channel and plane of every image."""
