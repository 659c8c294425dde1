"""A program of this package in a process of its own, talked to through its pipes.

Whoever may not lose the window, or has a script of somebody's as its main module, can neither fork
nor spawn with `multiprocessing`: the one takes half of Qt along, the other runs the script anew.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any


def start_child(*arguments: str, **more: Any) -> subprocess.Popen[Any]:
    """Start Python with these arguments, with pipes to its standard input and output.

    The child finds the package where this process found it, and prints UTF-8 whatever the terminal
    speaks. `more` are further arguments of `subprocess.Popen`. Raises `OSError` as that does.
    """
    found = os.pathsep.join(filter(None, sys.path))
    return subprocess.Popen(
        [sys.executable, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": found, "PYTHONIOENCODING": "utf-8"}, **more,
    )  # fmt: skip
