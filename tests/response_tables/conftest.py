"""The command line in this process, as the tests of the analysis call it."""

from tests.analysis.conftest import call

__all__ = ["call"]
