"""Tables for the pages that the code itself holds: options, marker, fixture, hooks, formats, environment, commands.

``python docs/generate_outputs.py`` writes them into the pages; a test fails where one is stale.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "pytest_repro"


def table(name: str) -> str:
    """The Markdown of one table."""
    return _TABLES[name]()


def _rows(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(_cell(text) for text in row)} |" for row in rows]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


# --- options and marker -----------------------------------------------------------------------


def _options() -> str:
    from pytest_repro.options import OPTIONS

    rows = []
    for option in OPTIONS:
        name = option.flag if option.command_line else option.key if option.ini else f"{option.name}="
        value = f"[={option.metavar or option.bare}]" if option.bare is not None else f"={option.metavar}"
        shown = name + (value if option.command_line else "")
        places = ["ini"] * option.ini + ["marker"] * option.marker
        where = ", ".join(places) if option.command_line else f"{' and '.join(places)} only"
        rows.append((f"`{shown}`", where, option.help))
    return _rows(("option", "also in", "meaning"), rows)


def _marker() -> str:
    from pytest_repro.options import OPTIONS

    rows = [
        (f"`{option.name}=`", f"`{option.flag}`" if option.command_line else "", option.help)
        for option in OPTIONS
        if option.marker
    ]
    return _rows(("argument", "command line", "meaning"), rows)


def _ini() -> str:
    from pytest_repro.options import OPTIONS

    kinds = {"linelist": "one entry a line"}
    rows = [
        (f"`{option.key}`", kinds.get(option.ini_type, "text"), f"`{option.flag}`" if option.command_line else "")
        for option in OPTIONS
        if option.ini
    ]
    return _rows(("key", "value", "command line"), rows)


# --- factors and causes -----------------------------------------------------------------------


def _factors() -> str:
    from pytest_repro.conditions import FACTORS

    rows = [(f"`{factor.name}`", factor.description) for factor in FACTORS.values()]
    return _rows(("factor", "what differs between runs"), rows)


def _levels() -> str:
    from pytest_repro.conditions import FACTORS

    rows = [
        # the steps of a locale depend on what is installed
        (
            f"`{factor.name}`",
            "what is installed" if name == "locale" else _quoted(dict.fromkeys(map(factor.levels, range(4)))),
            factor.platforms,
        )
        for name, factor in FACTORS.items()
    ]
    return _rows(("factor", "levels, by the number of the run", "where"), rows)


def _causes() -> str:
    from pytest_repro.conditions.pins import ALL_PINNED, SWITCHED
    from pytest_repro.factor_words import FACTOR_WORDS

    rows = []
    for name, (reported, title, _, _) in FACTOR_WORDS.items():
        factor, _, part = name.partition("-")
        levels = [level for level in SWITCHED.get(name, ()) if name != "import" or "=" not in level]
        if factor == "import" and part:
            levels = [level for level in SWITCHED[factor] if level.startswith(part)]
        pinned = ALL_PINNED.get(factor if factor == "import" else name)
        held = "where varied"
        if name.startswith("left-"):
            held, levels = "where they left something", ["without=TIME"]
        rows.append((f"`{reported}`", title, f"`{pinned}`" if pinned else held, _quoted(levels)))
    return _rows(("cause", "as the report words it", "pinned at", "switched to"), rows)


# --- the fixture, the hooks -------------------------------------------------------------------


def _fixture() -> str:
    from pytest_repro.recorder import Repro

    sections = [_plain(inspect.getdoc(Repro) or "")]
    sections.append(f"### repro.rng\n\n{_plain(inspect.getdoc(Repro.rng) or '')}")
    for name in ("metric", "artifact", "watch", "callback", "__call__"):
        method = getattr(Repro, name)
        shown = "repro" if name == "__call__" else f"repro.{name}"
        call = f"```python\n{shown}{_signature(method)}\n```"
        sections.append(
            f"### {shown if name != '__call__' else 'repro(...)'}\n\n{call}\n\n{_plain(inspect.getdoc(method) or '')}"
        )
    return "\n\n".join(sections)


def _signature(function: Callable[..., Any]) -> str:
    """Without `self`, annotations as they are written."""
    signature = inspect.signature(function)
    parameters = [one for one in signature.parameters.values() if one.name != "self"]
    text = str(signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty))
    return text.replace("'", "")


_SECTIONS = {"Args": "Arguments"}


def _plain(document: str) -> str:
    """A docstring as Markdown: its sections as lists, its reStructuredText quotes as code."""
    lines: list[str] = []
    for line in document.replace("``", "`").splitlines():
        heading = re.fullmatch(r"(Args|Raises|Returns|Attributes):", line)
        entry = re.fullmatch(r"    (\w+): (.*)", line)
        if heading:
            lines += [f"**{_SECTIONS.get(heading[1], heading[1])}**", ""]
        elif entry:
            lines.append(f"- `{entry[1]}`: {entry[2]}")
        else:
            lines.append(re.sub(r"^ {6,}", "  ", line))
    return "\n".join(lines)


def hook_examples() -> dict[str, str]:
    """Hook → the example of its docstring, a ``conftest.py``."""
    return {name: example for name, _, _, example in _hook_parts()}


def _hook_parts() -> Iterator[tuple[str, Callable[..., Any], str, str]]:
    from pytest_repro import hookspecs

    for name, function in vars(hookspecs).items():
        if name.startswith("pytest_repro_"):
            text, example = re.split(r"Example, in ``conftest.py``.*::\n", inspect.getdoc(function) or "")
            yield name, function, text.strip(), textwrap.dedent(example).strip()


def _hooks() -> str:
    sections = []
    for name, function, text, example in _hook_parts():
        marks = getattr(function, "pytest_spec", {})
        first = " The first answer that is not None counts." if marks.get("firstresult") else ""
        code = f"```python\n# conftest.py\n{example}\n```"
        sections.append(
            f"### {name}\n\n```python\n{name}{_signature(function)}\n```\n\n{_plain(text)}{first}\n\n{code}"
        )
    return "\n\n".join(sections)


# --- formats ----------------------------------------------------------------------------------


def _schema() -> str:
    schema = json.loads((PACKAGE / "report" / "report.schema.json").read_text(encoding="utf-8"))
    sections = [f"`{schema['properties']['schema']['const']}`. {schema['description']}", _properties(schema)]
    for name, part in schema["$defs"].items():
        described = f"{part['description'][0].upper()}{part['description'][1:]}.\n\n" if "description" in part else ""
        body = _properties(part) if "properties" in part else f"{_kind(part)}."
        sections.append(f"### {name}\n\n{described}{body}")
    return "\n\n".join(sections)


def _properties(part: dict[str, Any]) -> str:
    required = set(part.get("required", ()))
    rows = [
        (f"`{key}`{'' if key in required else ' (may be absent)'}", _kind(value), value.get("description", ""))
        for key, value in part["properties"].items()
    ]
    return _rows(("key", "value", "meaning"), rows)


def _kind(part: dict[str, Any]) -> str:
    """What a schema allows, in a few words."""
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return f"[{name}](#{name})"
    if "anyOf" in part:
        return " or ".join(_kind(one) for one in part["anyOf"])
    if "const" in part:
        return f"`{part['const']}`"
    if "enum" in part:
        return _quoted(str(word) for word in part["enum"])
    if part.get("type") == "array":
        return f"list of {_kind(part['items'])}" if "items" in part else "list"
    if part.get("type") == "object" and isinstance(part.get("additionalProperties"), dict):
        return f"object of {_kind(part['additionalProperties'])}"
    if part.get("type") == "object" and "properties" in part:
        return f"object: {_quoted(part['properties'])}"
    return str(part.get("type", "anything"))


def _schemas() -> str:
    from pytest_repro.baseline import document, objects, recordings
    from pytest_repro.report import json_file

    rows = [
        (f"`{json_file.SCHEMA}`", "`--repro-json=FILE`"),
        (f"`{document.NAME}@{document.VERSION}`", "`__repro__/<module>/<test>.json`"),
        (f"`{recordings._RECORDING}@{recordings._VERSION}`", "a run in a folder of `--repro-record=DIR`"),
        (f"`{recordings._ENVIRONMENT}@{recordings._VERSION}`", "the environment of such runs"),
        (f"`{objects._SCHEMA}@{objects._VERSION}`", "a value kept in `.repro/objects`"),
    ]
    return _rows(("schema", "written by, or where"), rows)


def _verdicts() -> str:
    from pytest_repro.model import Verdict

    rows = [(f"`{verdict.value}`", "passes" if verdict.good else "fails") for verdict in Verdict]
    return _rows(("verdict", "the test"), rows)


def _errors() -> str:
    from pytest_repro import errors

    named = [getattr(errors, name) for name in errors.__all__]
    kinds = [kind for kind in named if isinstance(kind, type)]
    rows = [
        (f"`{kind.__name__}`", ", ".join(f"`{base.__name__}`" for base in kind.__bases__), inspect.getdoc(kind) or "")
        for kind in kinds
    ]
    return _rows(("error", "is a", "when"), rows)


# --- environment ------------------------------------------------------------------------------


def _environment() -> str:
    rows = []
    for module in ("machine", "libraries", "code"):
        tree = ast.parse((PACKAGE / "environment" / f"{module}.py").read_text(encoding="utf-8"))
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
        rows += [
            (f"`{_template(call.args[0])}`", "yes" if ast.unparse(call.func) == "numeric" else "no")
            for call in sorted(calls, key=lambda node: node.lineno)
            if ast.unparse(call.func) in ("numeric", "shown")
        ]
    rows.append(("`variable.<NAME>`", "by name, see below"))
    return _rows(("field", "can change numbers"), dict.fromkeys(rows))


def _template(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.JoinedStr)
    parts = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
        else:
            assert isinstance(part, ast.FormattedValue)
            word = ast.unparse(part.value)
            parts.append("pool.<library>" if word == "prefix" else f"<{word}>")
    return "".join(parts)


def _variables() -> str:
    from pytest_repro.environment import names

    return (
        f"Can change numbers: {_quoted(names.NUMERIC_VARIABLES)}.\n\n"
        f"Shown only: {_quoted(names.SHOWN_VARIABLES)}.\n\n"
        f"Packages whose version can change numbers: {_quoted(names.NUMERIC_DISTRIBUTIONS)}."
    )


# --- commands ---------------------------------------------------------------------------------


def _commands() -> str:
    from pytest_repro.cli import _parser

    subparsers = next(one for one in _parser()._actions if isinstance(one, argparse._SubParsersAction))
    helps = {one.dest: one.help or "" for one in subparsers._choices_actions}
    sections = []
    for name, parser in subparsers.choices.items():
        actions = [one for one in parser._actions if not isinstance(one, argparse._HelpAction)]
        rows = [(f"`{_argument(one)}`", one.help or "") for one in actions]
        text = f"### `pytest-repro {name}`\n\n{helps[name][0].upper()}{helps[name][1:]}."
        sections.append(f"{text}\n\n{_rows(('argument', 'meaning'), rows)}" if rows else text)
    return "\n\n".join(sections)


def _argument(action: argparse.Action) -> str:
    shown = str(action.metavar or action.dest.upper())
    if not action.option_strings:
        return {"+": f"{shown} ...", "*": f"[{shown} ...]", "?": f"[{shown}]"}.get(str(action.nargs), shown)
    names = ", ".join(action.option_strings)
    return names if action.nargs == 0 else f"{names} {shown}"


_TABLES: dict[str, Callable[[], str]] = {
    "causes": _causes,
    "commands": _commands,
    "environment": _environment,
    "errors": _errors,
    "factors": _factors,
    "fixture": _fixture,
    "hooks": _hooks,
    "ini": _ini,
    "levels": _levels,
    "marker": _marker,
    "options": _options,
    "schema": _schema,
    "schemas": _schemas,
    "variables": _variables,
    "verdicts": _verdicts,
}
