"""Seeding, restoring, seeding at import."""

from __future__ import annotations

import importlib
import random
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from pytest_repro import rng
from pytest_repro.rng import Seeders


@pytest.fixture(autouse=True)
def _own_states() -> Iterator[None]:
    with Seeders().restored():
        yield


def draws() -> tuple[float, float]:
    return random.random(), float(np.random.random())


@pytest.mark.parametrize("seed", [0, 1, 2**32, 2**64 + 5])
def test_a_seed_of_any_size_gives_the_same_draws_again(seed: int) -> None:
    seeders = Seeders()
    seeders.seed(seed)
    first = draws()
    seeders.seed(seed)
    assert draws() == first
    seeders.seed(seed + 1)
    assert draws() != first


def test_seeds_are_those_that_users_know() -> None:
    Seeders().seed(7)
    assert random.random() == random.Random(7).random()
    assert np.random.random() == np.random.RandomState(7).random()


def test_own_seeders_get_the_whole_seed_after_the_libraries() -> None:
    seen: list[int] = []
    Seeders([seen.append, lambda seed: random.seed(99)]).seed(2**80)
    assert seen == [2**80]
    assert random.random() == random.Random(99).random()


@pytest.mark.parametrize("seed", [0, -1, 7, 2**70])
def test_the_generator_stands_where_its_own_seed_would_leave_it(seed: int) -> None:
    random.gauss(0, 1)  # leaves half of a pair behind
    Seeders().seed(seed)
    ours = random.getstate()
    random.seed(seed)
    assert ours == random.getstate()


def test_a_replaced_generator_is_seeded_by_its_own_function(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    monkeypatch.setattr(random, "_inst", random.SystemRandom())
    monkeypatch.setattr(random, "seed", seen.append)
    Seeders().seed(3)
    assert seen == [3]


ENTRY = "[pytest_randomly.random_seeder]\nmine = builtins:hash\n"
METADATA = "Metadata-Version: 2.1\nName: mine\nVersion: 1\n"


@pytest.mark.parametrize("form", ["mine-1.dist-info", "mine.egg-info", "an archive"])
def test_seeders_of_installed_plugins_are_found(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path
    if form == "an archive":
        place = tmp_path / "mine.zip"
        with zipfile.ZipFile(place, "w") as archive:
            archive.writestr("mine-1.dist-info/entry_points.txt", ENTRY)
            archive.writestr("mine-1.dist-info/METADATA", METADATA)
    else:
        (tmp_path / form).mkdir()
        (tmp_path / form / "entry_points.txt").write_text(ENTRY)
        (tmp_path / form / ("METADATA" if "dist" in form else "PKG-INFO")).write_text(METADATA)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "absent"), str(place), *sys.path])
    assert hash in rng.randomly_seeders()


def test_distributions_that_declare_nothing_of_the_kind_are_not_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other-1.dist-info").mkdir()
    (tmp_path / "other-1.dist-info" / "entry_points.txt").write_text("[pytest11]\nno pair\n")
    (tmp_path / "none-1.dist-info").mkdir()
    (tmp_path / "none.egg-info").write_text("an old one is a file")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_group: pytest.fail("parsed"))
    assert rng.randomly_seeders() == ()


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt, SystemExit])
def test_states_are_restored_on_every_path(error: type[BaseException] | None) -> None:
    random.seed(5)
    np.random.seed(5)
    np.random.standard_normal()  # leaves half of a pair behind
    before = random.getstate(), np.random.get_state()
    with suppress(ValueError, KeyboardInterrupt, SystemExit), Seeders().restored():
        Seeders().seed(1)
        draws()
        if error is not None:
            raise error
    assert random.getstate() == before[0]
    assert str(np.random.get_state()) == str(before[1])


def test_every_known_library_that_is_loaded_is_seeded(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, int]] = []

    def library(name: str, path: str) -> ModuleType:
        module = ModuleType(name)
        holder: object = module
        *folders, function = path.split(".")
        for folder in folders:
            inner = SimpleNamespace()
            setattr(holder, folder, inner)
            holder = inner
        setattr(holder, function, lambda seed: calls.append((name, seed)))
        return module

    for name, path in {
        "torch": "manual_seed",
        "tensorflow": "random.set_seed",
        "cupy": "random.seed",
        "polars": "set_random_seed",
    }.items():
        monkeypatch.setitem(sys.modules, name, library(name, path))
    Seeders().seed(2**64 + 3)
    assert sorted(calls) == [("cupy", 3), ("polars", 3), ("tensorflow", 3), ("torch", 3)]


@pytest.mark.parametrize("name", ["numpy", "torch", "tensorflow", "cupy", "polars"])
def test_stand_in_that_a_test_puts_in_the_place_of_a_library_is_left_alone(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, ModuleType(name))
    with Seeders().restored():
        Seeders().seed(1)


def test_library_that_is_not_loaded_is_not_imported() -> None:
    code = (
        "import sys; from pytest_repro.rng import Seeders\n"
        "with Seeders().restored():\n    Seeders().seed(1); Seeders().streams.position()\n"
        "assert not {'numpy', 'torch', 'tensorflow', 'cupy', 'polars'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(rng.__file__).parents[1])


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A library that the table knows and that is not loaded yet."""
    name = "repro_fake_library"
    (tmp_path / f"{name}.py").write_text("SEEDS = []\nREADY = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    seed = (lambda module, seed: module.SEEDS.append((module.READY, seed)), lambda module: lambda: None)
    monkeypatch.setitem(rng._LIBRARIES, name, seed)
    yield name
    sys.modules.pop(name, None)


def test_library_is_seeded_when_it_is_first_imported(fake: str) -> None:
    seeders = Seeders()
    with seeders.seeding_imports(42):
        module = importlib.import_module(fake)
        assert module.SEEDS == [(True, 42)]
        assert importlib.import_module(fake).SEEDS == [(True, 42)]
    importlib.reload(module)
    assert module.SEEDS == []


@pytest.mark.parametrize("error", [None, ValueError])
def test_import_is_watched_only_during_a_run(fake: str, error: type[Exception] | None) -> None:
    before = list(sys.meta_path)
    try:
        with Seeders().seeding_imports(42):
            assert len(sys.meta_path) == len(before) + 1
            if error is not None:
                raise error
    except ValueError:
        pass
    assert sys.meta_path == before
    assert importlib.import_module(fake).SEEDS == []


def test_library_that_does_not_exist_or_fails_to_import_fails_as_always(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "repro_broken_library.py").write_text("raise OSError('no driver')\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("repro_broken_library", "repro_absent_library"):
        monkeypatch.setitem(rng._LIBRARIES, name, (lambda module, seed: None, lambda module: lambda: None))
    with Seeders().seeding_imports(1):
        with pytest.raises(OSError, match="no driver"):
            importlib.import_module("repro_broken_library")
        with pytest.raises(ModuleNotFoundError, match="repro_absent_library"):
            importlib.import_module("repro_absent_library")
    assert "repro_broken_library" not in sys.modules


def test_numpy_is_seeded_when_the_test_imports_it() -> None:
    code = (
        "from pytest_repro.rng import Seeders\n"
        "with Seeders().seeding_imports(3):\n    import numpy\n    x = numpy.random.random()\n"
        "assert x == numpy.random.RandomState(3).random()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(rng.__file__).parents[1])


def test_torch_is_seeded_and_restored() -> None:
    torch = pytest.importorskip("torch")
    before = torch.get_rng_state()
    with Seeders().restored():
        Seeders().seed(2**70 + 1)
        first = torch.rand(3)
        Seeders().seed(2**70 + 1)
        assert torch.equal(torch.rand(3), first)
    assert torch.equal(torch.get_rng_state(), before)
