"""Packages that can be called like the function they are named for.

`spheroid_qc.segment` is a room of the house and, by contract, a function. Importing any module
of the room binds the package under that name, so the package itself has to answer the call.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any


class _CallablePackage(ModuleType):
    __call_target__: Callable[..., Any]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.__call_target__(*args, **kwargs)


def make_callable(package: str, function: Callable[..., Any]) -> None:
    """Let a package be called as one of its functions.

    Parameters
    ----------
    package : str
        Name of a package that is being, or has been, imported.
    function : callable
        What a call runs; its signature and docstring are shown for the package too.
    """
    module = sys.modules[package]
    module.__class__ = _CallablePackage
    module.__dict__["__call_target__"] = function
    module.__dict__["__signature__"] = inspect.signature(function)
