"""What only the search for a cause holds: children's hash seeds, what imports read, generators in C."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from pytest_repro.conditions.draws import ENTROPY
from pytest_repro.conditions.pins import ALL_PINNED, CHILDREN, SWITCHED, import_condition

SCRIPT = "import os; print(hash('text'), os.environ.get('PYTHONHASHSEED'), os.environ.get('OWN'))"
COMMAND = [sys.executable, "-c", SCRIPT]
OWN = {"OWN": "1", "SYSTEMROOT": os.environ.get("SYSTEMROOT", "")}


def _child(**options: object) -> list[str]:
    return subprocess.run(COMMAND, capture_output=True, text=True, check=True, **options).stdout.split()  # type: ignore[call-overload, no-any-return]


async def _asynchronous() -> list[str]:
    child = await asyncio.create_subprocess_exec(*COMMAND, env=OWN, stdout=subprocess.PIPE)
    return (await child.communicate())[0].decode().split()


def test_child_in_an_environment_of_its_own_gets_the_hash_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _child(env=OWN)[1:] == ["None", "1"]
    hashes = []
    for seed in ("3", "3", "4"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        with CHILDREN.apply("hash-seed"):
            text, found, own = _child(env=OWN)
            hashes.append(text)
            assert (found, own) == (seed, "1")
            assert asyncio.run(_asynchronous()) == [text, seed, "1"]
            assert _child()[0] == text, "one that inherits has it already"
    assert hashes[0] == hashes[1] != hashes[2]
    assert "PYTHONHASHSEED" not in OWN


def test_child_that_was_given_a_hash_seed_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "3")
    with CHILDREN.apply("hash-seed"):
        assert _child(env={**OWN, "PYTHONHASHSEED": "7"})[1:] == ["7", "1"]


def test_children_of_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "3")
    names = {"__name__": "joblib.something", "run": subprocess.run, "command": COMMAND, "env": OWN}
    with CHILDREN.apply("hash-seed"):
        exec("found = run(command, env=env, capture_output=True, text=True).stdout.split()", names)
    assert names["found"][1] == "None"  # type: ignore[index]


def test_children_are_as_ever_where_this_process_has_no_hash_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    before = subprocess.Popen.__init__
    with CHILDREN.apply("hash-seed"):
        assert subprocess.Popen.__init__ is before
    monkeypatch.setenv("PYTHONHASHSEED", "3")
    with CHILDREN.apply("hash-seed"):
        assert subprocess.Popen.__init__ is not before
    assert subprocess.Popen.__init__ is before


def test_one_thing_that_imports_read_is_switched_at_a_time() -> None:
    pinned = dict(import_condition(ALL_PINNED["import"]).levels)
    changed = []
    for level in SWITCHED["import"]:
        levels = dict(import_condition(level).levels)
        changed.append([name for name in pinned if levels[name] != pinned[name]])
    assert changed == [["entropy"], ["clock"], ["pid"]]


def test_generator_of_torch_that_asks_the_system_is_pinned() -> None:
    torch = pytest.importorskip("torch")

    def draws() -> list[float]:
        made = torch.Generator()
        seed = made.seed()
        assert seed == made.initial_seed()
        return torch.rand(3, generator=made).tolist()  # type: ignore[no-any-return]

    before = torch.Generator.seed
    found = []
    for level in ("0", "0", "1"):
        with ENTROPY.apply(level):
            found.append(draws())
            seeded = torch.Generator().manual_seed(5)
            assert seeded.initial_seed() == 5
    assert found[0] == found[1] != found[2]
    assert torch.Generator.seed == before
    assert draws() != draws()


@pytest.mark.parametrize(
    ("module", "equal"),
    [
        pytest.param("dask.delayed", (True, True), id="names of tasks, which decide their order, are never switched"),
        pytest.param("dask.array.random", (True, False), id="numbers for the user are"),
        pytest.param("distributed.client", (False, False), id="what must be unique stays so"),
    ],
)
def test_what_dask_draws_is_pinned(module: str, equal: tuple[bool, bool]) -> None:
    drawn = []
    for level in ("0", "0", "1"):
        names: dict[str, object] = {"__name__": module, "uuid4": uuid.uuid4}
        with ENTROPY.apply(level):
            exec("drawn = uuid4()", names)
        drawn.append(names["drawn"])
    assert (drawn[0] == drawn[1], drawn[0] == drawn[2]) == equal


def _drawn_at_import(name: str, path: Path) -> object:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.drawn


@pytest.mark.parametrize(("name", "equal"), [("scipy.made_up", True), ("made_up", True), ("joblib.made_up", False)])
def test_what_a_library_draws_while_it_is_imported_is_pinned(tmp_path: Path, name: str, equal: bool) -> None:
    """scipy.stats prints samples into its docs then; their lengths decide where everything made later lies."""
    path = tmp_path / "made_up.py"
    path.write_text("import numpy\ndrawn = numpy.random.default_rng().integers(2**62).item()\n", encoding="utf-8")
    found = []
    for key in ("0", "0", "1"):
        with ENTROPY.apply(key):
            found.append(_drawn_at_import(name, path))
    assert (found[0] == found[1]) is equal
    assert found[0] != found[2]
