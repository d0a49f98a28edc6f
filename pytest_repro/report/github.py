"""GitHub Actions: annotations at source lines, and the job's summary.

Formats and limits: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from pytest_repro.errors import SettingsError
from pytest_repro.report.wording import (
    badge_of,
    cause_line,
    divergence_sentence,
    draw_text,
    finding,
    format_ulp,
    only_reported,
    visible,
)

if TYPE_CHECKING:
    from pytest_repro.model import Location, SessionReport, TestResult

__all__ = ["append_summary", "render_annotations"]

_ANNOTATED = frozenset({"drifted", "baseline_drifted", "strict"})
#: GitHub shows no more per step
_MAX_ANNOTATIONS = 10
#: above this GitHub drops the whole summary of the step
_SUMMARY_LIMIT = 1024 * 1024
#: our share of it: other tools write there too
_OWN_LIMIT = 200 * 1000
_NOTICE = "\n\n*Cut: GitHub's job summary is limited. See the JSON report.*\n"


def render_annotations(report: SessionReport, *, root: str) -> tuple[str, ...]:
    """Build a workflow command for each of the first ten tests that drift or draw what they must not.

    Each stands at the source line of its first divergence or draw, those that count first; files are named relative
    to `root`, the checkout.
    """
    tests = [test for test in report.tests if badge_of(test).key in _ANNOTATED]
    tests.sort(key=lambda test: bool(only_reported(test)))
    return tuple(_annotation(test, root=root) for test in tests[:_MAX_ANNOTATIONS])


def append_summary(path: Path | str, markdown: str) -> None:
    """Append `markdown` to the job's summary at `path`, cut to what GitHub still takes.

    Raises:
        SettingsError: the file cannot be written.
    """
    target = Path(path)
    try:
        with target.open("ab") as file:
            taken = file.tell()
            file.write(_fit(markdown, room=min(_OWN_LIMIT, _SUMMARY_LIMIT - taken - 2), first=taken == 0))
    except (OSError, ValueError) as error:
        msg = f"cannot append the job summary to {path}: {error}; unset GITHUB_STEP_SUMMARY or make it writable"
        raise SettingsError(msg) from error


# --- annotations ------------------------------------------------------------------------------


def _annotation(test: TestResult, *, root: str) -> str:
    place = _place(test, root=root)
    location = () if place is None else (f"file={_property(place[0])}", f"line={place[1]}")
    word = "entropy drawn" if badge_of(test).key == "strict" else test.verdict.value
    properties = ",".join([*location, f"title={_property(visible(f'{word}: {test.nodeid}'))}"])
    return f"::{'warning' if only_reported(test) else 'error'} {properties}::{_data(_message(test))}"


def _message(test: TestResult) -> str:
    lines = [finding(test), only_reported(test)]
    first = test.comparison.first
    if first is not None:
        ulp = "" if first.ulp is None else f", {format_ulp(first.ulp)} ULP"
        lines.append(f"{divergence_sentence(test, first)}: {first.reference} -> {first.other}{ulp}")
    if test.cause is not None:
        lines.append(f"cause: {cause_line(test.cause)}: {test.cause.summary}")
    lines += [f"drawn: {draw_text(draw)}; fix: {draw.fix}" for draw in test.violations]
    if test.again:
        lines.append(f"again: {test.again}")
    return "\n".join(visible(line) for line in lines if line)


def _place(test: TestResult, *, root: str) -> tuple[str, int] | None:
    """Find the first place inside the checkout: GitHub shows no annotation on any other file."""
    first = test.comparison.first
    drawn = test.violations[0].location if test.violations else None
    for location in (first.location if first else None, drawn, test.location):
        file = None if location is None else _relative(location, root=root)
        if location is not None and file is not None:
            return (file, location.line)
    return None


def _relative(location: Location, *, root: str) -> str | None:
    path = PurePath(location.file)
    if path.is_absolute():
        if not path.is_relative_to(root):
            return None
        path = path.relative_to(root)
    return None if ".." in path.parts else path.as_posix()


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


# --- summary ----------------------------------------------------------------------------------


def _fit(markdown: str, *, room: int, first: bool) -> bytes:
    raw = markdown.encode("utf-8", "backslashreplace")
    if len(raw) > room:
        raw = _cut(raw, room)
    # What another tool left may lack its line end; ours always has one.
    return b"" if not raw else (b"" if first else b"\n\n") + raw.rstrip(b"\n") + b"\n"


def _cut(raw: bytes, room: int) -> bytes:
    """Cut after a whole line and close what is open; nothing where there is no room for any."""
    closing = b"\n\n</details>\n"
    keep = raw[: max(room - len(_NOTICE.encode()) - len(closing), 0)]
    keep = keep[: keep.rfind(b"\n") + 1]
    if not keep:
        return b""
    still_open = keep.count(b"<details>") > keep.count(b"</details>")
    return keep + (closing if still_open else b"") + _NOTICE.encode()
