"""File names -> plate, well, field, time, channel, plane.

`schemes` knows the vendors' names, `generic` reads the rest by the cost of each reading,
`pattern` is the user's own; `names` decides, with `doubts` where two readings are possible.
"""
