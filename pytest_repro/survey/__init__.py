"""``pytest-repro survey``: which popular estimators and models reproduce on this machine.

A suite of small tests, one a model, is recorded in sessions of its own: some with everything held, some with
one factor switched. A model reproduces against a factor if its recordings are equal bit for bit.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_repro.errors import SettingsError
from pytest_repro.survey.judging import judge
from pytest_repro.survey.sessions import FACTORS, levels_of, plan_sessions, record
from pytest_repro.survey.suite import libraries, suite_folder
from pytest_repro.survey.tables import as_json, as_markdown, as_text

if TYPE_CHECKING:
    from pytest_repro.survey.judging import Survey

__all__ = ["FACTORS", "as_json", "as_markdown", "as_text", "run_survey"]


def run_survey(
    *,
    factors: Sequence[str],
    runs: int,
    select: str = "",
    keep: Path | None = None,
    say: Callable[[str], None] = lambda _line: None,
) -> Survey:
    """Record the suite under every condition and judge what came out.

    Args:
        factors: of `FACTORS`, each switched alone.
        runs: sessions of each arm; the first arm holds everything.
        select: pytest's ``-k``.
        keep: a folder that is to hold the recordings; it must not exist or be empty.
        say: is told what goes on, a line at a time.

    Raises:
        SettingsError: a factor is unknown, `runs` is too small, no test is selected, `keep` is in use.
        UnavailableError: none of the factors exists on this platform.
        WorkerError: a session did not end as it should; the message has the end of its output.
    """
    if runs < 2:
        msg = f"a survey needs 2 runs of each condition or more, not {runs}: one proves nothing"
        raise SettingsError(msg)
    levels, lacking = levels_of(factors)
    installed, missing = libraries()
    for library, remedy in missing.items():
        say(f"{library} is not installed, so it is left out ({remedy})")
    for factor, reason in lacking.items():
        say(f"{factor} is left out: {reason}")
    sessions = plan_sessions(levels, runs=runs)
    with _folder(keep) as folder, tempfile.TemporaryDirectory(prefix="pytest-repro-survey-") as work:
        suite = Path(work) / "suite"  # a copy: nothing is written where the package is installed
        shutil.copytree(suite_folder(), suite, ignore=shutil.ignore_patterns("__pycache__"))
        for number, session in enumerate(sessions, start=1):
            say(f"{number} of {len(sessions)}: {session.label}")
            record(session, suite, into=folder / session.label, select=select)
        return judge(sessions, folder, lacking=lacking, missing=missing, installed=installed)


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Where recordings go: the folder that was asked for, else one that is gone afterwards."""
    if keep is None:
        with tempfile.TemporaryDirectory(
            prefix="pytest-repro-survey-", ignore_cleanup_errors=sys.platform == "win32"
        ) as name:
            yield Path(name)
        return
    if keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        msg = f"{keep} is not an empty folder; give one that does not exist yet, so that nothing is overwritten"
        raise SettingsError(msg)
    keep.mkdir(parents=True, exist_ok=True)
    yield keep
