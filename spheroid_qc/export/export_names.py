"""Names of files and folders of an export: safe for any plate, another one for every plate."""

from __future__ import annotations

import re
from hashlib import blake2b


def plate_file_name(plate: str) -> str:
    """Give a plate's name as that of a file or folder.

    Parameters
    ----------
    plate : str
        As in the tables.

    Returns
    -------
    str
        The name itself where it is harmless; else what is left of it, and a digest.
    """
    safe = re.sub(r"[^\w. -]", "_", plate).strip(". ")[:80]
    if plate and safe == plate:
        return plate
    digest = blake2b(plate.encode("utf-8", "surrogateescape"), digest_size=4).hexdigest()
    return f"{safe}_{digest}"
