"""Write the generated parts of README.md and docs/ anew: printed output of real runs, examples, tables from the code.

    python docs/generate_outputs.py [PAGE ...]            write them; all pages where none is named
    python docs/generate_outputs.py --check [PAGE ...]    exit 1 where one is out of date, numbers aside
    python docs/generate_outputs.py --survey              measure the table of libraries anew, which takes minutes

A generated part stands between a mark and ``<!-- end -->``:

``<!-- session -->``
    what commands print. They stand in the block itself, behind ``$``, and are executed where the files of the
    page are: blocks of code above it whose first line names a file (``# test_x.py``). A later block with the
    same name replaces the file, as the reader's editor would.
``<!-- session: root -->``
    the same, in the root of the repository
``<!-- code: PATH -->``
    a file of the repository
``<!-- table: NAME -->``
    a table that the code holds, see `reference_tables`
``<!-- survey -->``
    what ``pytest-repro survey`` measured; made anew only with ``--survey``

Two more marks are for the tests: ``<!-- needs: MODULE -->`` at the top of a page whose sessions need one, and
``<!-- not run: REASON -->`` before a block that no test can execute.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from docs import reference_tables  # noqa: E402 - as a script, the root of the repository is not on the path

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
PART = re.compile(r"(<!-- (session|code|table|survey)(?:: (\S+))? -->\n)(.*?)(\n<!-- end -->)", re.DOTALL)
#: a block of code that is a file: its text, its name
FILE = re.compile(r"^```(?:python|ini|toml|yaml)\n(# ([\w./-]+\.\w+)\n.*?)^```$", re.MULTILINE | re.DOTALL)
_EITHER = re.compile(f"(?:{PART.pattern})|(?:{FILE.pattern})", re.MULTILINE | re.DOTALL)

#: Lines of pytest's header that name this machine and not what happened.
_MACHINE = re.compile(r"^(platform|rootdir|configfile|plugins|cachedir|testpaths|asyncio|hypothesis profile|Using )\b")
#: pytest says how long it took once more when that was over a minute
_LONG = re.compile(r"s \(\d+:\d\d:\d\d\)(?= =|$)")
#: A slow machine must print the same words: it may take as long as it needs to find a cause.
_HIDDEN = "-p pytest_repro.plugin -p no:cacheprovider --repro-budget=600 --repro-session-budget=600"


# --- sessions ---------------------------------------------------------------------------------


class Session:
    """A reader at a terminal: writes the files of a page and types its commands."""

    def __init__(self, folder: Path, *, quick: bool = False) -> None:
        self.folder = folder / "work"
        self.folder.mkdir()
        self._environment = _environment(folder / "bin", quick=quick)

    def write(self, name: str, text: str) -> None:
        """Save a file of the page."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def replay(self, block: str, *, where: Path | None = None) -> str:
        """Type the commands of a block again; return the block with what they print now."""
        commands = [line[2:] for line in block.splitlines() if line.startswith("$ ")]
        lines: list[str] = []
        for command in commands:
            done = subprocess.run(  # noqa: S603 - a command of our own pages
                ["bash", "-c", command],  # noqa: S607
                cwd=where or self.folder,
                env=self._environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            printed = done.stdout.replace(str(self.folder), ".").splitlines()
            lines += [f"$ {command}", *(_LONG.sub("s", line).rstrip() for line in printed if not _MACHINE.match(line))]
        return "\n".join(["```text", *lines, "```"])


def _environment(scripts: Path, *, quick: bool) -> dict[str, str]:
    """What commands run in: ours first on the path, nothing of the session around us, the same hash seed each time."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "COV_"))}
    for variable in ("CI", "FORCE_COLOR", "GITHUB_ACTIONS", "OMP_NUM_THREADS"):
        environment.pop(variable, None)
    scripts.mkdir()
    python = shlex.quote(sys.executable)
    _script(scripts / "pytest", f'exec {python} -m pytest {_HIDDEN} "$@"')
    _script(scripts / "pytest-repro", f'exec {python} -m pytest_repro.cli "$@"')
    _script(scripts / "python", f'exec {python} "$@"')
    environment |= {
        "COLUMNS": "80",
        **dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "A reader"),
        **dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "reader@example.org"),
        **dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), "2026-01-01T00:00:00Z"),
        **dict.fromkeys(("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"), os.devnull),
        "PATH": f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONDONTWRITEBYTECODE": "1",  # a file that is replaced within a second must not be read from a cache
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": str(ROOT),
    }
    if quick:
        environment["PYTEST_ADDOPTS"] = "--repro-explain=off"
    return environment


def _script(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
    path.chmod(0o755)


# --- pages ------------------------------------------------------------------------------------


def code(path: str) -> str:
    """A file of the repository as a block of code."""
    return f"```python\n# {path}\n{(ROOT / path).read_text(encoding='utf-8').rstrip()}\n```"


def rewritten(text: str, *, kinds: tuple[str, ...] = ("session", "code", "table"), quick: bool = False) -> str:
    """`text` with every generated part of these kinds made anew, from top to bottom.

    Args:
        text: of a page.
        kinds: other parts stay as they are.
        quick: without the search for causes; see `verdicts` for what is left to compare.
    """
    with tempfile.TemporaryDirectory(prefix="docs-") as folder:
        session = Session(Path(folder), quick=quick)

        def made(match: re.Match[str]) -> str:
            kind, name = match[2], match[3]
            if kind is None:
                session.write(match[7], match[6])
            if kind not in kinds:
                return match[0]
            if kind == "survey":
                session.replay("$ pytest-repro survey --md survey.md")
                content = (session.folder / "survey.md").read_text(encoding="utf-8").rstrip()
            elif kind == "session":
                content = session.replay(match[4], where=ROOT if name == "root" else None)
            else:
                content = code(name) if kind == "code" else reference_tables.table(name)
            return f"{match[1]}{content}{match[5]}"

        return _EITHER.sub(made, text)


def parts(text: str) -> Iterator[tuple[str, str, str]]:
    """The generated parts of a text: (kind, name, content)."""
    for match in PART.finditer(text):
        yield match[2], match[3] or "", match[4]


def without_numbers(text: str) -> str:
    """`text` with each number, and what is aligned by its width, made equal: they vary with machine and version."""
    text = re.sub(r"\b(?=[a-f]*\d)[0-9a-f]{8,40}\b", "0", text)  # digests, commits
    text = re.sub(r"[-+]?(\d+\.)?\d+(e[-+]?\d+)?|\binf\b", "0", text)
    return re.sub(r"[ \t\n]+|={3,}|_{3,}", " ", text).strip()


_VERDICT = re.compile(
    r"(\$ .*|DRIFT: .*|  first .* in run|repro: (?:not|\d+ tests?) reproduced|=+ .*(?:passed|failed))"
)


def verdicts(text: str) -> list[str]:
    """What came out of the sessions of a text, without causes and numbers."""
    lines = [line for kind, _, block in parts(text) if kind == "session" for line in block.splitlines()]
    return [without_numbers(match[1]) for line in lines if (match := _VERDICT.match(line))]


def needs(text: str) -> list[str]:
    """What a page's sessions need: modules, or ``avx512`` for the CPU that its output is from."""
    return [name for words in re.findall(r"<!-- needs: (.+?) -->", text) for name in words.split()]


def main() -> int:
    """Write, or with ``--check`` only look."""
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    kinds = ("survey",) if "--survey" in sys.argv[1:] else ("session", "code", "table")
    stale = 0
    for page in [Path(word).resolve() for word in words] or PAGES:
        before = page.read_text(encoding="utf-8")
        after = rewritten(before, kinds=kinds)
        if "--check" not in sys.argv[1:]:
            page.write_text(after, encoding="utf-8")
        elif without_numbers(before) != without_numbers(after):
            stale = 1
            sys.stdout.write(f"{page.relative_to(ROOT)} is out of date: python docs/generate_outputs.py\n")
    return stale


if __name__ == "__main__":
    sys.exit(main())
