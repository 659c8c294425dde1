"""Pixels and calibration from files.

`open_image` tells what a file holds, `read_plane` reads one plane as grey values, `ImageFile`
keeps a file open for several; `resolve_pixel_size` decides whose pixel size counts. Whatever is
wrong with a file comes out as an `ImageError` with a finished sentence.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
