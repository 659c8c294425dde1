"""Pictures and the page, from finished tables: the last room before people."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
