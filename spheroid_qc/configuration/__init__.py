"""Settings in and out: TOML files, `--set`, and how two sets of settings differ.

`settings` walks over the models in `parameters`, the single source; `toml_files` reads and writes
TOML; `validation` turns refusals into sentences.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
