"""Masks -> numbers.

`REGISTRY` lists every metric; `measure` makes a table of them. `frame_quality` adds the raw
features from which `spheroid_qc.flags` decides whether a frame can be trusted, and `fluorescence`
reads further channels.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
