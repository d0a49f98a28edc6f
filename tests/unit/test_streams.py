"""Where the global random generators stand: read directly, asked for, and the same in every process."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pytest_repro import streams as module
from pytest_repro.rng import Seeders
from pytest_repro.streams import Streams

READ, ASKED = "read", "asked"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    with Seeders().restored():
        Seeders().seed(5)
        yield


@pytest.fixture(params=[READ, ASKED])
def streams(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Streams:
    if request.param == ASKED:
        monkeypatch.setattr(module, "_peeks", lambda: False)
    return Streams()


def standing(streams: Streams) -> dict[str, int]:
    position = streams.position()
    return dict(zip(streams.names, streams.digests(position), strict=True))


def torch() -> Any:
    return pytest.importorskip("torch")


DRAWS: list[Any] = [
    pytest.param(random.random, "random", id="random"),
    pytest.param(lambda: [random.random() for _ in range(700)], "random", id="random-next-block"),
    pytest.param(lambda: random.gauss(0, 1), "random", id="gauss"),
    pytest.param(lambda: random.seed(6), "random", id="random-seed"),
    pytest.param(lambda: np.random.random(), "numpy.random", id="numpy"),
    pytest.param(lambda: np.random.random(312), "numpy.random", id="numpy-one-block"),
    pytest.param(lambda: np.random.standard_normal(), "numpy.random", id="numpy-normal"),
    pytest.param(lambda: np.random.seed(6), "numpy.random", id="numpy-seed"),
    pytest.param(lambda: torch().rand(1), "torch", id="torch"),
    pytest.param(lambda: torch().rand(624), "torch", id="torch-one-block"),
    pytest.param(lambda: torch().randn(1), "torch", id="torch-normal"),
    pytest.param(lambda: torch().manual_seed(6), "torch", id="torch-seed"),
]


@pytest.mark.parametrize(("draw", "name"), DRAWS)
def test_draw_moves_its_own_stream_and_no_other(streams: Streams, draw: Callable[[], object], name: str) -> None:
    if name == "torch":
        torch()
    seen = [standing(streams)]
    for _ in range(3):  # of two normal numbers, the second moves no twister
        draw()
        seen.append(standing(streams))
    moved = [{key for key in before if before[key] != after[key]} for before, after in itertools.pairwise(seen)]
    assert moved[0] == {name}
    assert all(names <= {name} for names in moved)


@pytest.mark.parametrize("draw", [lambda: np.random.standard_normal(), lambda: random.gauss(0, 1)])
def test_second_of_two_normal_numbers_is_part_of_the_position(streams: Streams, draw: Callable[[], float]) -> None:
    seen = {tuple(standing(streams).items())}
    for _ in range(4):
        draw()
        seen.add(tuple(standing(streams).items()))
    assert len(seen) == 5


def test_second_normal_number_of_torch_is_part_of_the_position(streams: Streams) -> None:
    library = torch()
    seen = {standing(streams)["torch"]}
    for _ in range(4):
        library.randn(1)
        seen.add(standing(streams)["torch"])
    assert len(seen) == 5


def test_reading_moves_nothing_and_seeding_leads_back(streams: Streams) -> None:
    start = standing(streams)
    for _ in range(3):
        random.gauss(0, 1), np.random.standard_normal(), torch().randn(3)
    there = standing(streams)
    assert standing(streams) == there
    assert streams.position() is streams.position()
    Seeders().seed(5)
    assert standing(streams) == start
    for _ in range(3):
        random.gauss(0, 1), np.random.standard_normal(), torch().randn(3)
    assert standing(streams) == there


def test_what_is_set_is_where_the_stream_stands(streams: Streams) -> None:
    kept = random.getstate(), np.random.get_state(), torch().get_rng_state()
    start = standing(streams)
    random.random(), np.random.random(), torch().rand(1)
    random.setstate(kept[0])
    np.random.set_state(kept[1])
    torch().set_rng_state(kept[2])
    assert standing(streams) == start


def test_streams_are_read_where_they_are_kept_and_not_asked_for() -> None:
    torch()
    streams = Streams()
    streams.position()
    assert streams.names[:2] == ("random", "numpy.random")
    assert [name for name, read in streams._known.items() if read is not None] == ["torch"]
    assert "crc32" not in str(streams._known["torch"].__code__.co_names)  # type: ignore[union-attr]


def test_other_bit_generator_is_followed() -> None:
    streams = Streams()
    start = standing(streams)["numpy.random"]
    kept: Any = np.random.get_bit_generator()  # type: ignore[attr-defined]
    np.random.set_bit_generator(np.random.PCG64(1))  # type: ignore[attr-defined]
    try:
        other = standing(streams)["numpy.random"]
        np.random.random()
        assert len({start, other, standing(streams)["numpy.random"]}) == 3
    finally:
        np.random.set_bit_generator(kept)  # type: ignore[attr-defined]
    assert standing(streams)["numpy.random"] == start


def test_streams_are_the_same_in_every_process() -> None:
    code = (
        "import random, numpy; from pytest_repro.rng import Seeders; from pytest_repro.streams import Streams\n"
        "Seeders().seed(1); random.gauss(0, 1); numpy.random.random(); s = Streams()\n"
        "print(s.digests(s.position()), s.names)"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            cwd=Path(module.__file__).parents[1],
            capture_output=True,
            env={"PYTHONHASHSEED": seed, "PATH": ""},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1


def test_library_that_is_loaded_later_is_taken_in_behind_the_others() -> None:
    code = (
        "from pytest_repro.streams import Streams\n"
        "s = Streams(); a = s.position(); assert s.names == ('random',), s.names\n"
        "import numpy.random; b = s.position(); assert s.names == ('random', 'numpy.random'), s.names\n"
        "assert s.digests(b)[:1] == s.digests(a)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(module.__file__).parents[1])


def test_library_that_cannot_be_asked_fails_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise RuntimeError("tensors are fake")

    class Generator:
        def get_state(self) -> None:
            refuse()

    generator = Generator()
    cuda = SimpleNamespace(is_initialized=refuse)
    fake = SimpleNamespace(default_generator=generator, version=SimpleNamespace(cuda="12"), cuda=cuda)
    monkeypatch.setitem(sys.modules, "torch", fake)
    streams = Streams()
    assert set(standing(streams)) == {"random", "numpy.random", "torch", "torch.cuda"}


def test_generators_of_devices_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's names: https://docs.pytorch.org/docs/stable/generated/torch.Generator.html"""
    at: list[int] = [-1]
    device = SimpleNamespace(initial_seed=lambda: 1, get_offset=lambda: at[-1])
    cuda = SimpleNamespace(is_initialized=lambda: at[-1] >= 0, default_generators=(device,))
    kept = getattr(sys.modules.get("torch"), "default_generator", SimpleNamespace(get_state=None))
    fake = SimpleNamespace(default_generator=kept, version=SimpleNamespace(cuda="12"), cuda=cuda)
    monkeypatch.setitem(sys.modules, "torch", fake)
    streams = Streams()
    seen = []
    for offset in (-1, 0, 4, 4, 8):
        at.append(offset)
        seen.append(standing(streams)["torch.cuda"])
    assert len(set(seen)) == 4
    assert seen[2] == seen[3]
