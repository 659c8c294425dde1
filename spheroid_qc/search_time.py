"""Regular expressions of a user's, tried out where they can be ended.

A pattern such as `(A+)+$` may need longer than the universe has for one name; Python can neither
end nor interrupt its search within a process that has windows or threads.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence

from spheroid_qc.child_process import start_child
from spheroid_qc.errors import RequestError

_LONGEST_S, _PER_TEXT_S = 10.0, 0.001
"""Seconds that a pattern may take for all texts, and for each: a usual one takes a millionth."""

_SEARCH = """
import json, re, sys
pattern, texts = json.load(sys.stdin)
search = re.compile(pattern).search
for number, text in enumerate(texts):
    print(number, flush=True)
    search(text)
"""


def check_search_ends(pattern: str, texts: Sequence[str], what: str) -> None:
    """Search for a pattern in texts, in a process of its own, and see that it comes to an end.

    Parameters
    ----------
    pattern : str
        A regular expression that compiles.
    texts : sequence of str
        What it will be searched in.
    what : str
        What the user calls it, such as `The name pattern`.

    Raises
    ------
    RequestError
        If it takes too long; the sentence names the text that it stuck at.
    """
    try:
        child = start_child("-c", _SEARCH, text=True)
    except OSError:
        return  # no process to be had: whoever searches waits as long as it takes
    try:
        child.communicate(json.dumps([pattern, list(texts)]), _LONGEST_S + _PER_TEXT_S * len(texts))
    except subprocess.TimeoutExpired:
        child.kill()
        said, _ = child.communicate()
        at = int(said.rsplit("\n", 2)[-2]) if "\n" in said else 0
        raise RequestError(
            f"{what} {pattern!r} does not come to an end on {texts[at]!r}: parts within it repeat "
            "what they already repeat, as (A+)+ does; write each repetition once, as A+."
        ) from None
    except BaseException:
        child.kill()
        raise
