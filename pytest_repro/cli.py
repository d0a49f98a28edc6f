"""``pytest-repro``: judge, show and tidy stored files, without pytest; survey which libraries reproduce.

Exit codes: 0 all agree (a survey: every model was measured), 1 something differs or could not be compared, 2 the
input is not usable.
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pytest_repro.errors import ReproError
from pytest_repro.parsers import read_integer, read_number

if TYPE_CHECKING:
    from pytest_repro.model import EnvChange, EnvField, TestResult

__all__ = ["main"]

T = TypeVar("T")

_SHOWN = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    options = _parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):  # names may hold what the terminal's encoding does not have
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        code = command(options)
        sys.stdout.flush()  # here, where an error is still one line and not exit code 120
    except ReproError as error:
        print(f"pytest-repro: {_visible(str(error))}", file=sys.stderr)
    except BrokenPipeError:
        sys.stdout = None
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(_visible(f"pytest-repro: {where}{error.strerror or error}"), file=sys.stderr)
        if not error.filename:
            sys.stdout = None  # it is standard output that cannot be written
    else:
        return code
    return 2


def _visible(text: str) -> str:
    """What stored files say, on one line and without what a terminal would act on."""
    from pytest_repro.report.wording import visible

    return visible(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pytest-repro", description="Judge stored recordings; survey libraries.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    compare = commands.add_parser("compare", help="judge folders of --repro-record against the first of them")
    compare.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="two or more; the first is the reference")
    compare.add_argument("--rtol", type=_reader(read_number), default=0.0, help="relative tolerance for all numbers")
    compare.add_argument("--atol", type=_reader(read_number), default=0.0, help="absolute tolerance for all numbers")
    compare.add_argument("--ulp", type=_reader(read_integer(0)), default=0, help="tolerance in representable numbers")
    compare.add_argument("--allow-missing", action="store_true", help="leave out tests that not every folder has")
    compare.add_argument("-v", "--verbose", action="store_true", help="show everything")
    compare.set_defaults(command=_compare)

    show = commands.add_parser("show", help="list what a folder of --repro-record holds")
    show.add_argument("folder", type=Path, metavar="DIR", help="of --repro-record")
    show.add_argument("tests", nargs="*", metavar="TEST", help="show the values of these tests (parts of their ids)")
    show.set_defaults(command=_show)

    env = commands.add_parser("env", help="print this environment, a stored one, or the difference of two")
    env.add_argument("stored", nargs="*", type=Path, metavar="DIR", help="a folder or an environment's file")
    env.set_defaults(command=_env)

    prune = commands.add_parser("prune", help="remove stored elements that nothing refers to any more")
    prune.add_argument("root", nargs="?", type=Path, default=Path(), metavar="DIR", help="the project (default: here)")
    prune.add_argument("-n", "--dry-run", action="store_true", help="only say what would be removed")
    prune.set_defaults(command=_prune)

    survey = commands.add_parser("survey", help="measure which popular estimators and models reproduce on this machine")
    survey.add_argument(
        "--factors", default="threads,cpu,hash-seed", metavar="FACTOR,...", help="switched one at a time"
    )
    survey.add_argument(
        "--runs", type=_reader(read_integer(1)), default=3, metavar="N", help="sessions of each condition (default: 3)"
    )
    survey.add_argument(
        "-k", dest="select", default="", metavar="EXPRESSION", help="only models that fit, as in pytest"
    )
    survey.add_argument("--md", type=Path, metavar="FILE", help="write the table as Markdown")
    survey.add_argument("--json", type=Path, metavar="FILE", help="write everything as JSON")
    survey.add_argument("--keep", type=Path, metavar="DIR", help="keep the recordings, for pytest-repro compare")
    survey.set_defaults(command=_survey)
    return parser


def _reader(parse: Callable[[object], T]) -> Callable[[str], T]:
    """Read an argument as pytest's option is read, and refuse it in the same words."""

    def read(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


# --- compare ----------------------------------------------------------------------------------


def _compare(options: argparse.Namespace) -> int:
    from pytest_repro.across import compare_folders, environment_changes, read_folder
    from pytest_repro.errors import SettingsError
    from pytest_repro.model import Tolerance
    from pytest_repro.report.terminal import failure_text

    if len(options.folders) < 2:
        msg = "compare needs two folders or more"
        raise SettingsError(msg)
    labels = _labels(options.folders)
    folders = [read_folder(path, label=label) for path, label in zip(options.folders, labels, strict=True)]
    for other in folders[1:]:
        changes = environment_changes(folders[0], other)
        print(_visible(f"environment: {folders[0].label} -> {other.label}"))
        _print_changes(changes, verbose=options.verbose)
    results = compare_folders(
        folders,
        tolerance=Tolerance(options.rtol, options.atol, options.ulp),
        allow_missing=options.allow_missing,
    )
    width = shutil.get_terminal_size((100, 24)).columns
    for result in results:
        if not result.verdict.good:
            print(f"\n{_visible(result.nodeid)}\n{failure_text(result, width=width, verbose=options.verbose)}")
    return _print_summary(results)


def _labels(paths: Sequence[Path]) -> list[str]:
    """The shortest ends of the paths that tell them apart."""
    parts = [path.resolve().parts for path in paths]
    for depth in range(1, max(map(len, parts)) + 1):
        labels = ["/".join(each[-depth:]) for each in parts]
        if len(set(labels)) == len(labels):
            return labels
    return [f"{path}#{number}" for number, path in enumerate(paths, start=1)]


def _print_changes(changes: Iterable[EnvChange], *, verbose: bool) -> None:
    changes = list(changes)
    numeric = [change for change in changes if change.numeric]
    others = [change for change in changes if not change.numeric]
    if not numeric:
        print("  nothing that can change numbers differs")
    for change in numeric if verbose else numeric[:_SHOWN]:
        print(_visible(f"  {change.name}  {change.before or '(absent)'} -> {change.after or '(absent)'}"))
    if len(numeric) > _SHOWN and not verbose:
        print(f"  ... and {len(numeric) - _SHOWN} more (-v shows all)")
    if others and verbose:
        for change in others:
            print(_visible(f"  ({change.name}  {change.before or '(absent)'} -> {change.after or '(absent)'})"))
    elif others:
        names = [*(change.name for change in others[:_SHOWN]), *(["..."] if len(others) > _SHOWN else [])]
        print(_visible(f"  (and {len(others)} that cannot: {', '.join(names)})"))


def _print_summary(results: Sequence[TestResult]) -> int:
    counts: dict[str, int] = {}
    for result in results:
        counts[result.verdict.value] = counts.get(result.verdict.value, 0) + 1
    for result in results:
        for entry in result.comparison.within:
            print(f"\n{_visible(f'{result.nodeid}: {entry.name} agrees within {entry.tolerance}')}")
    tests = "1 test" if len(results) == 1 else f"{len(results)} tests"
    print(f"\n{tests}: {', '.join(f'{count} {word}' for word, count in counts.items())}")
    return 0 if all(result.verdict.good for result in results) else 1


# --- show and env -----------------------------------------------------------------------------


def _show(options: argparse.Namespace) -> int:
    from pytest_repro.across import read_folder
    from pytest_repro.values import describe, render

    folder = read_folder(options.folder)
    for fields in folder.environments.values():
        versions = {one.name: one.value for one in fields}
        names = ("python.version", "platform.system", "cpu.model", "package.numpy")
        print(_visible(f"environment: {', '.join(f'{name} {versions[name]}' for name in names if name in versions)}"))
    shown = 0
    for nodeid, runs in sorted(folder.tests.items()):
        if options.tests and not any(part in nodeid for part in options.tests):
            continue
        shown += 1
        numbers = ", ".join(str(kept.recording.spec.number) for kept in runs)
        print(_visible(f"{nodeid}  runs {numbers}, {len(runs[0].recording.observations)} values"))
        for seen in runs[0].recording.observations if options.tests else ():
            step = "" if seen.step is None else f"[{seen.step}]"
            print(_visible(f"  {seen.name}{step}  {describe(seen.value)}  {render(seen.value, width=60)}"))
    if shown or not options.tests:
        return 0
    wanted = " or ".join(map(repr, options.tests))
    print(_visible(f"pytest-repro: no test has {wanted} in its id; without a name, show lists all"), file=sys.stderr)
    return 1


def _env(options: argparse.Namespace) -> int:
    from pytest_repro.environment import difference, read_environment
    from pytest_repro.environment.machine import installed_distributions
    from pytest_repro.errors import SettingsError

    if len(options.stored) > 2:
        msg = "env takes two folders at most"
        raise SettingsError(msg)
    if len(options.stored) == 2:
        changes = difference(*(_stored_environment(path) for path in options.stored))
        _print_changes(changes, verbose=True)
        return 1 if any(change.numeric for change in changes) else 0
    fields = _stored_environment(options.stored[0]) if options.stored else read_environment()
    print("can change numbers:")
    for one in (one for one in fields if one.numeric):
        print(_visible(f"  {one.name}  {one.value}"))
    print("shown only:")
    for one in (one for one in fields if not one.numeric):
        print(_visible(f"  {one.name}  {one.value}"))
    if not options.stored:
        print(f"installed: {', '.join(f'{name} {version}' for name, version in installed_distributions())}")
    return 0


def _stored_environment(path: Path) -> tuple[EnvField, ...]:
    from pytest_repro.across import read_folder
    from pytest_repro.baseline.recordings import read_environment_file

    if not path.is_dir():
        return read_environment_file(path)
    folder = read_folder(path)
    return folder.environment_of(min(folder.tests))


# --- prune ------------------------------------------------------------------------------------


def _prune(options: argparse.Namespace) -> int:
    from pytest_repro.baseline.pruning import unreferenced

    removed = size = 0
    for path in unreferenced(options.root):
        removed += 1
        size += path.stat().st_size
        if not options.dry_run:
            path.unlink()
    word = "would be removed" if options.dry_run else "removed"
    print(f"{removed} stored {'value' if removed == 1 else 'values'} {word}, {size:,} bytes")
    return 0


# --- survey -----------------------------------------------------------------------------------


def _survey(options: argparse.Namespace) -> int:
    from pytest_repro.storage import write_atomically
    from pytest_repro.survey import as_json, as_markdown, as_text, run_survey

    survey = run_survey(
        factors=[factor for factor in options.factors.split(",") if factor],
        runs=options.runs,
        select=options.select,
        keep=options.keep,
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )
    print(as_text(survey), end="")
    if options.md is not None:
        write_atomically(options.md, as_markdown(survey))
    if options.json is not None:
        write_atomically(options.json, as_json(survey))
    return 0 if survey.complete else 1


if __name__ == "__main__":
    sys.exit(main())
