"""Synthetic spheroids with known truth: the demo plate, and the base of training images.

`write_plate` writes a whole simulated time-lapse plate; `render_scene` makes one frame and its
exact masks from a `Scene` and `Optics`.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
