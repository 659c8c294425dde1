"""A run with its drug response and report, in one call, here or in a process of its own."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
