"""File names -> plate, well, field, time, channel, plane.

`instrument_schemes` knows the vendors' names, `generic_names` reads the rest by the cost of each
reading, `user_pattern` is the user's own; `read_file_names` decides, with `disambiguation` where
two readings are possible.
"""
