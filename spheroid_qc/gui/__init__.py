"""Everything the command line does, in napari: look, fill in a map, run, correct, export.

The only room that imports napari, Qt or magicgui. Nothing is computed here: panels call the same
functions as the command line, and what is done in them is saved as files that the command line
honours (settings, plate map, corrections, exclusions), so that both give the same tables.
"""
