"""File names -> plate, well, field, time, channel, plane.

`instrument_schemes` knows the vendors' names, `user_pattern` is the user's own. All others are cut
into words (`tokens`), words at one place get one meaning over the whole folder (`positions`), and
the place of the well is weighed over all names (`well_position`, with `generic_names`);
`read_file_names` decides, and `name_doubts` shows what it leaves open.
"""
