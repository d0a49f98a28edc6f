"""Our own pluggy hooks: what a conftest or another plugin may add.

Each hook is optional. An implementation is an ordinary function in a ``conftest.py`` or a plugin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Executor

    from pytest_repro.model import SessionReport


@pytest.hookspec
def pytest_repro_seed(seed: int) -> None:
    """Seed a random generator that pytest-repro does not know, before each run.

    `seed` is the same in every run of a test, and may be larger than 2**32.

    Example, in ``conftest.py``::

        import mylib


        def pytest_repro_seed(seed):
            mylib.rng.seed(seed % 2**32)
    """


@pytest.hookspec(firstresult=True)
def pytest_repro_canonical(value: object) -> Any:
    """Teach how values of a type are compared: return a plain value that stands for `value`.

    Return None for types that are not yours. The result may be anything that can itself be
    recorded (numbers, text, arrays, nested dicts, lists, dataclasses); it is compared in place of
    `value` and shown under `value`'s type name.

    Example, in ``conftest.py``::

        from mylib import Spline


        def pytest_repro_canonical(value):
            if isinstance(value, Spline):
                return {"knots": value.knots, "coefficients": value.c}
    """


@pytest.hookspec
def pytest_repro_environment() -> Mapping[str, str | int | float | bool] | None:
    """Add to the environment what pytest-repro cannot see: a backend, a data set's version, a driver.

    Return names and values. A name begins with your project's and has a dot. Each counts as able to
    change numbers: where one differs, baselines and comparisons say so, and `machine_rtol` counts. It is asked
    once in each process that judges tests, after collection, so keep out what differs from run to run.

    Example, in ``conftest.py``::

        import mylib


        def pytest_repro_environment():
            return {"mylib.backend": mylib.backend(), "mylib.data": mylib.DATA_VERSION}
    """


@pytest.hookspec
def pytest_repro_factors() -> Mapping[str, Mapping[str, Sequence[str | None]]] | None:
    """Add factors that must not matter, for ``--repro-vary``: a backend, a code path, a cache that is on or off.

    Return names; for each, variables of the environment and their values. A name begins with your project's and
    has a dot. Runs in fresh interpreters take the values in turn, and are started with them; None unsets a variable.
    Where a result depends on them, they are named as the cause. ``all`` stands for our own factors: name yours beside
    it. It is asked before collection, so it belongs into the ``conftest.py`` of the root folder, or into a plugin.

    Example, in ``conftest.py``, for ``--repro-vary=mylib.backend``::

        def pytest_repro_factors():
            return {"mylib.backend": {"MYLIB_BACKEND": ["native", "python"], "NUMBA_DISABLE_JIT": [None, "1"]}}
    """


@pytest.hookspec(firstresult=True)
def pytest_repro_make_executor(config: pytest.Config, spec: str) -> Executor | None:
    """Make the engine that ``--repro-executor`` names, for runs on a cluster.

    `spec` is what was given, without what follows a question mark. Return any
    `concurrent.futures.Executor`, or None for a name that is not yours. It is shut down at the end
    of the session, and made anew when a dead process has broken it. The example is for
    ``--repro-executor=threads``.

    Example, in ``conftest.py``::

        from concurrent.futures import ThreadPoolExecutor


        def pytest_repro_make_executor(config, spec):
            if spec == "threads":
                return ThreadPoolExecutor(4)
    """


@pytest.hookspec
def pytest_repro_report(report: SessionReport) -> None:
    """Read the finished session, on the controller only, once, after the last test.

    Example, in ``conftest.py``::

        def pytest_repro_report(report):
            failed = [test.nodeid for test in report.tests if not test.good and not test.excuse]
            notify_team(failed)
    """
