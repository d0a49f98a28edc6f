"""Write the generated parts of README.md anew: printed output of real runs, examples, tables that the code holds.

    python docs/generate_outputs.py            write them
    python docs/generate_outputs.py --check    exit 1 where one is out of date, numbers aside

A generated part stands between ``<!-- output: NAME -->`` (or ``code: PATH``, ``table: NAME``) and ``<!-- end -->``.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PART = re.compile(r"(<!-- (output|code|table): (\S+) -->\n)(.*?)(\n<!-- end -->)", re.DOTALL)

#: name of an output → the arguments that a reader would type after ``pytest``
COMMANDS = {
    "clean": "examples/clean --repro-runs=3",
    "hash-order": "examples/drifting/test_hash_order.py --repro-runs=3",
}

#: Lines of pytest's header that name this machine and not what happened.
_MACHINE = re.compile(r"^(platform|rootdir|configfile|plugins|cachedir|testpaths|asyncio|hypothesis profile|Using )\b")


def run_output(name: str) -> str:
    """What pytest prints for a command, at width 80."""
    arguments = COMMANDS[name]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "COV_"))}
    for variable in ("CI", "FORCE_COLOR", "GITHUB_ACTIONS"):
        environment.pop(variable, None)
    environment |= {"COLUMNS": "80", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)}
    # the same numbers each time, so that writing anew changes little
    environment["PYTHONHASHSEED"] = "0"
    # a slow machine must print the same words: it may take as long as it needs to find the cause
    hidden = ["-p", "pytest_repro.plugin", "-p", "no:cacheprovider"]
    hidden += ["--repro-budget=600", "--repro-session-budget=600"]
    done = subprocess.run(  # noqa: S603 - a command of the table above
        [sys.executable, "-m", "pytest", *hidden, *shlex.split(arguments)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    lines = [line.rstrip() for line in done.stdout.splitlines() if not _MACHINE.match(line)]
    return "\n".join(["```text", f"$ pytest {arguments}", *lines, "```"])


def code(path: str) -> str:
    """A file of the repository as a block of code."""
    return f"```python\n# {path}\n{(ROOT / path).read_text(encoding='utf-8').rstrip()}\n```"


def table(name: str) -> str:
    """A table that the code holds."""
    return {"options": _options, "factors": _factors}[name]()


def _options() -> str:
    from pytest_repro.settings import OPTIONS

    lines = ["| option | also in | meaning |", "|---|---|---|"]
    for option in OPTIONS:
        name = option.flag if option.command_line else option.key if option.ini else f"{option.name}="
        value = f"[={option.metavar or option.bare}]" if option.bare is not None else f"={option.metavar}"
        shown = name + (value if option.command_line else "")
        places = ["ini"] * option.ini + ["marker"] * option.marker
        where = ", ".join(places) if option.command_line else f"{' and '.join(places)} only"
        lines.append(f"| `{_cell(shown)}` | {where} | {_cell(option.help)} |")
    return "\n".join(lines)


def _factors() -> str:
    from pytest_repro.conditions import FACTORS

    lines = ["| factor | what differs between runs |", "|---|---|"]
    lines += [f"| `{factor.name}` | {_cell(factor.description)} |" for factor in FACTORS.values()]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


_MAKERS: dict[str, Callable[[str], str]] = {"output": run_output, "code": code, "table": table}


def parts(text: str) -> Iterator[tuple[str, str, str]]:
    """The generated parts of a text: (kind, name, content)."""
    for match in PART.finditer(text):
        yield match[2], match[3], match[4]


def make(kind: str, name: str) -> str:
    """The content that a part should have."""
    return _MAKERS[kind](name)


def without_numbers(text: str) -> str:
    """`text` with each number, and what is aligned by its width, made equal: they vary with machine and version."""
    text = re.sub(r"[-+]?(\d+\.)?\d+(e[-+]?\d+)?|\binf\b", "0", text)
    return re.sub(r"[ \t\n]+|={3,}|_{3,}", " ", text).strip()


def rewritten(text: str) -> str:
    """`text` with every generated part made anew."""
    return PART.sub(lambda match: match[1] + make(match[2], match[3]) + match[5], text)


def main() -> int:
    """Write, or with ``--check`` only look."""
    before = README.read_text(encoding="utf-8")
    if "--check" not in sys.argv[1:]:
        README.write_text(rewritten(before), encoding="utf-8")
        return 0
    stale = [name for kind, name, text in parts(before) if without_numbers(text) != without_numbers(make(kind, name))]
    sys.stdout.write("".join(f"{name} is out of date: python docs/generate_outputs.py\n" for name in stale))
    return bool(stale)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
