"""Errors that a user can mend.

Every one carries a finished sentence that says what is wrong, where, and what to do; the
command line prints it as it is, without a traceback.
"""

from __future__ import annotations


class SpheroidQCError(Exception):
    """Base of all errors whose text is meant for the user."""


class RequestError(SpheroidQCError):
    """The request as a whole can't be carried out: exit status 2, nothing written."""


class FolderInUse(RequestError):
    """Another run holds the run folder; later it may be free."""


class NoFrames(RequestError):
    """No image of a folder can be used, as far as its names tell; more images may settle it."""


class PlateMapError(RequestError):
    """A plate map that would be read wrongly if it were accepted.

    Parameters
    ----------
    *problems : str
        One finished sentence for each mistake, with file, line and column.
    """

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class ImageError(SpheroidQCError):
    """One file that can't be read; the rest of the plate goes on.

    Parameters
    ----------
    message : str
        A finished sentence naming the file and what to do.
    """


class StorageError(ImageError):
    """Storage that does not answer: nothing is wrong with the file, as far as that is known.

    Raised from the `OSError` that the system gave.
    """


class OutputError(SpheroidQCError):
    """Results can't be written (a full disk, no permission); what is finished is kept."""


class ClusterError(SpheroidQCError):
    """A cluster that can't go on with a run; what is finished is kept."""
