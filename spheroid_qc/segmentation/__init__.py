"""Image -> core and shed masks: `segment` is the room's one function."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
