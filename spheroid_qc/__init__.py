"""Core and shed material of spheroids over time, and whether the answer can be trusted.

`segment`, `measure`, `run_plate` and `analyse` are the whole analysis; they are loaded on first
use, so that importing the package costs next to nothing.
"""

import lazy_loader as lazy

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
