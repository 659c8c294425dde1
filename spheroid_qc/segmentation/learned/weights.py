"""Where the trained weights lie, and what to say if they don't."""

from __future__ import annotations

from importlib.resources import files

from spheroid_qc.errors import RequestError

WEIGHTS = "core_shed.onnx"


def check_weights() -> None:
    """Refuse the network's methods where its weights or their runtime are missing.

    Raises
    ------
    RequestError
        With what is missing and what to do.
    """
    from importlib.util import find_spec

    if not files(__package__).joinpath(WEIGHTS).is_file():
        raise RequestError(
            f"The trained network ({WEIGHTS}) is not in this installation, so the methods 'auto' "
            "and 'learned' are not available; install the package anew or use 'classical'."
        )
    if find_spec("onnxruntime") is None:
        raise RequestError(
            "The library onnxruntime, which runs the trained network, is not installed, so the "
            "methods 'auto' and 'learned' are not available; install the package anew or use "
            "'classical'."
        )


def read_weights() -> bytes:
    """Read the weights.

    Returns
    -------
    bytes

    Raises
    ------
    RequestError
        If they are missing.
    """
    check_weights()
    return files(__package__).joinpath(WEIGHTS).read_bytes()
