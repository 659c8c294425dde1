"""One frame, one well, one plate: executors, resume, the run folder."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
