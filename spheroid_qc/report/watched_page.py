"""What a page says and does while its plate is still being imaged."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WatchedPage:
    """The state of a watched run, for the top of its page.

    Parameters
    ----------
    refresh_s : int
        Seconds after which the browser loads the page again.
    as_of : str
        When the page was made, local time.
    alarms : tuple of str
        Sentences on what goes wrong at the newest time.
    """

    refresh_s: int
    as_of: str
    alarms: tuple[str, ...] = ()
