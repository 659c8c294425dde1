"""From finished wells, or from any tidy table, to the whole answer: tables, notes, verdict.

`response` holds the methods; this room chooses what they are asked, puts their tables together
and says the answer in words. Terminal, report and GUI read one record, `Analysis`.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
