"""What a session shares is let go of, whatever happens meanwhile."""

from __future__ import annotations

import pytest

from pytest_repro.resources import Resources
from pytest_repro.settings import Settings


class Closing:
    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error
        self.closed = 0

    def close(self) -> None:
        self.closed += 1
        if self.error is not None:
            raise self.error


def test_an_interrupted_end_still_ends_the_workers_and_removes_the_folder(pytestconfig: pytest.Config) -> None:
    resources = Resources(pytestconfig, Settings())
    pool, cluster = Closing(), Closing(KeyboardInterrupt())
    resources._pool, resources._cluster = pool, cluster  # type: ignore[assignment]
    resources.store.mkdir()
    with pytest.raises(KeyboardInterrupt):
        resources.close()
    assert (cluster.closed, pool.closed) == (1, 1)
    assert not resources.spool.exists()
