"""One small cluster for all tests of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from spheroid_qc import run_plate
from tests.run.cluster.small_cluster import SmallCluster, namespaces


@pytest.fixture(scope="package")
def lonely(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallCluster]:
    """A scheduler without workers."""
    pytest.importorskip("distributed", reason="Dask (extra cluster) is not installed")
    if sys.platform == "win32":
        pytest.skip("SIGSTOP is not of this system")
    with namespaces(3) as own_network:
        made = SmallCluster(tmp_path_factory.mktemp("cluster"), own_network)
        try:
            made.start_scheduler()
            yield made
        finally:
            made.end()


@pytest.fixture(scope="package")
def cluster(lonely: SmallCluster) -> SmallCluster:
    """The same scheduler with two workers on hosts of their own."""
    for number in (1, 2):
        lonely.start_worker(number)
    return lonely


@pytest.fixture(scope="package")
def whole(plate: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plate, analysed in this process."""
    out = tmp_path_factory.mktemp("whole") / "out"
    run_plate(plate, out=out, workers=0)
    return out
