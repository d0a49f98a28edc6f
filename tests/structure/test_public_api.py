"""What users import, call and read is listed in tests/gold/public_api.txt, typed, and changes only on purpose.

python -m tests.structure.test_public_api    # write the list anew; a change of it belongs in CHANGELOG.md
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import json
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pytest_repro
from pytest_repro import errors, hookspecs, model
from pytest_repro.cli import _parser
from pytest_repro.options import OPTIONS
from pytest_repro.report.json_file import SCHEMA

ROOT = Path(__file__).parents[2]
GOLD = ROOT / "tests" / "gold" / "public_api.txt"
PACKAGE = Path(pytest_repro.__file__).parent
#: what the hook `pytest_repro_report` hands out, as far as it goes
REPORTED = ("SessionReport", "TestResult", "Comparison", "ValueDrift", "Divergence", "Cause", "Location", "Condition")


def callables(owner: type) -> Iterator[tuple[str, Any]]:
    """Public methods and properties of a class, with how they are called."""
    for name, member in vars(owner).items():
        if name == "__call__" or not name.startswith("_"):
            yield name, member


def names_and_types() -> Iterator[str]:
    """The package, the fixture's object, the errors."""
    for name in pytest_repro.__all__:
        yield f"pytest_repro.{name}"
    for name, member in callables(pytest_repro.Repro):
        if isinstance(member, property):
            yield f"Repro.{name}: {inspect.signature(member.fget).return_annotation}"  # type: ignore[arg-type]
        else:
            yield f"Repro.{name}{inspect.signature(member)}"
    yield from (f"Repro.{name}: int" for name in ("run", "runs", "seed"))
    for name in errors.__all__:
        kind = getattr(errors, name)
        if isinstance(kind, type):
            yield f"errors.{name}({', '.join(base.__name__ for base in kind.__bases__)})"


def hooks() -> Iterator[str]:
    """Hooks, and the types that the last of them hands out."""
    for name, hook in vars(hookspecs).items():
        if name.startswith("pytest_"):
            yield f"{name}{inspect.signature(hook)}"
    for name in REPORTED:
        kind = getattr(model, name)
        for field in dataclasses.fields(kind):
            yield f"model.{name}.{field.name}: {field.type}"
    for kind in (model.Verdict, model.CauseStatus, model.Place):
        yield f"model.{kind.__name__}: {', '.join(member.value for member in kind)}"


def options() -> Iterator[str]:
    """Every setting and where it may be given."""
    for option in OPTIONS:
        places = [option.flag + ("" if option.bare is None else f"[={option.bare}]")] if option.command_line else []
        places += [f"ini {option.key} ({option.ini_type})"] if option.ini else []
        places += [f"marker {option.name}="] if option.marker else []
        yield ", ".join(places)


def commands() -> Iterator[str]:
    """The command line of ``pytest-repro``."""
    for action in _parser()._actions:
        for name, parser in action.choices.items() if isinstance(action, argparse._SubParsersAction) else ():
            for part in parser._actions:
                if part.dest != "help":
                    yield f"pytest-repro {name} {'/'.join(part.option_strings) or part.metavar}"


def schema(node: Any, path: str) -> Iterator[str]:
    """Every field of the JSON report, with its JSON type."""
    if not isinstance(node, dict):
        return
    for name, inner in node.get("properties", {}).items():
        kind = inner.get("type") or inner.get("$ref") or ("one of several" if "anyOf" in inner else "any")
        required = "" if name in node.get("required", ()) else ", optional"
        yield f"{path}.{name}: {kind}{required}"
        yield from schema(inner, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        yield from schema(node.get(key), f"{path}[]")
    for number, inner in enumerate(node.get("anyOf", ())):
        yield from schema(inner, f"{path}|{number}")
    for name, inner in node.get("$defs", {}).items():
        yield from schema(inner, name)


def listing() -> str:
    """The whole public API, one thing a line."""
    sections = {
        "Python": names_and_types(),
        "Hooks, and what they hand out": hooks(),
        "Options": options(),
        "Commands": commands(),
        f"JSON report, {SCHEMA}": schema(json.loads((PACKAGE / "report" / "report.schema.json").read_text()), "report"),
    }
    return "\n".join(f"# {title}\n" + "\n".join(lines) + "\n" for title, lines in sections.items())


def test_public_api_is_the_one_that_is_listed() -> None:
    assert listing() == GOLD.read_text(encoding="utf-8"), (
        "the public API changed; where that is meant, python -m tests.structure.test_public_api writes the list anew, "
        "and CHANGELOG.md says so"
    )


@pytest.mark.parametrize("name", [name for name, member in callables(pytest_repro.Repro) if callable(member)])
def test_methods_of_the_fixture_are_typed_and_documented(name: str) -> None:
    method = getattr(pytest_repro.Repro, name)
    signature = inspect.signature(method)
    untyped = [each.name for each in list(signature.parameters.values())[1:] if each.annotation is each.empty]
    assert not untyped
    assert signature.return_annotation is not signature.empty
    assert inspect.getdoc(method)


def test_annotations_can_be_read_and_type_checkers_are_told() -> None:
    assert (PACKAGE / "py.typed").exists()
    everything = {name: getattr(model, name) for name in model.__all__}
    for name in REPORTED:
        assert typing.get_type_hints(getattr(model, name), localns=everything)


if __name__ == "__main__":
    GOLD.write_text(listing(), encoding="utf-8")
