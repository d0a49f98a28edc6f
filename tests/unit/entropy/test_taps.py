"""Nothing is patched outside of a watch, however it ends and whoever else patches."""

from __future__ import annotations

import glob
import os
import pathlib
import pickle
import random
import sys
import threading
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from pytest_repro.entropy import Taps
from pytest_repro.entropy.advice import fix_for, strict_violations
from pytest_repro.model import EntropyDraw, Location
from tests.unit.entropy.programs import Program


def _tapped() -> dict[str, object]:
    """Everything that a watch may replace, as the namespaces hold it."""
    state: dict[str, object] = {
        "os.urandom": os.urandom,
        "os.listdir": os.listdir,
        "os.scandir": os.scandir,
        "random._urandom": vars(random)["_urandom"],
        "random.seed": random.seed,
        "Random.seed": random.Random.seed,
        "uuid1": uuid.uuid1,
        "uuid": vars(uuid)["_generate_time_safe"],
    }
    for module in (glob, pathlib):
        for cls in [value for value in vars(module).values() if isinstance(value, type)]:
            state.update({f"{cls.__name__}.{name}": value for name, value in vars(cls).items() if "dir" in name})
    return state


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_everything_is_restored_after_an_exception(error: type[BaseException], tmp_path: Path) -> None:
    before = _tapped()
    inside = {}
    with pytest.raises(error), Taps(root=tmp_path).watching():  # noqa: PT012
        inside.update(_tapped())
        raise error
    assert inside["os.urandom"] is not before["os.urandom"]
    after = _tapped()
    assert all(after[name] is before[name] for name in before)


def test_everything_is_restored_when_installing_is_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    before = _tapped()
    monkeypatch.setattr("pytest_repro.entropy.probes.Installation._tap_torch", interrupt)
    with pytest.raises(KeyboardInterrupt), Taps(root=tmp_path).watching():
        pass
    assert all(value is before[name] for name, value in _tapped().items())


def test_names_bound_in_user_modules_are_restored(program: Program, tmp_path: Path) -> None:
    module = program("pass", "from os import urandom\nfrom random import seed")
    before = (module.urandom, module.seed)
    with Taps(root=tmp_path).watching():
        assert module.urandom is not before[0]
        assert module.seed is not before[1]
    assert (module.urandom, module.seed) == before
    assert module.urandom is before[0]
    assert module.seed is before[1]


@pytest.mark.parametrize("first_out", [0, 1], ids=["outer-first", "inner-first"])
def test_two_watches_may_overlap_and_end_in_any_order(first_out: int, program: Program, tmp_path: Path) -> None:
    module = program("urandom(1)", "from os import urandom")
    before = _tapped()
    stacks = [ExitStack(), ExitStack()]
    watches = [stack.enter_context(Taps(root=tmp_path).watching()) for stack in stacks]
    module.run(None)
    stacks[first_out].close()
    module.run(None)
    stacks[1 - first_out].close()
    module.run(None)

    assert all(value is before[name] for name, value in _tapped().items())
    counts = [sum(draw.count for draw in watch.draws()) for watch in watches]
    assert (counts[first_out], counts[1 - first_out]) == (1, 2)


def test_a_later_patch_of_somebody_else_stays(program: Program, tmp_path: Path) -> None:
    module = program("os.urandom(1)", "import os")
    original = os.urandom
    try:
        with Taps(root=tmp_path).watching() as watch:
            ours = os.urandom

            def theirs(n: int) -> bytes:
                return ours(n)

            os.urandom = theirs
        assert os.urandom is theirs
        module.run(None)
        assert watch.draws() == ()
        os.urandom = ours  # they put back what they found: our stand-in, which is silent now

        with Taps(root=tmp_path).watching() as again:
            module.run(None)
        assert [draw.count for draw in again.draws()] == [1]
        assert os.urandom is original
    finally:
        os.urandom = original


def test_a_module_imported_during_a_watch_keeps_no_tap(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "imported_late.py").write_text("from os import urandom\nfrom random import seed\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = program("import imported_late\nimported_late.urandom(1)\nimported_late.seed()")
    try:
        with Taps(root=tmp_path).watching() as watch:
            module.run(None)
        late = sys.modules["imported_late"]
        assert late.urandom is os.urandom
        assert late.seed == random.seed
        with Taps(root=tmp_path).watching() as again:
            module.run(None)
        assert [draw.call for draw in watch.draws()] == ["os.urandom()", "random.seed()"]
        assert [draw.call for draw in again.draws()] == ["os.urandom()", "random.seed()"]
    finally:
        sys.modules.pop("imported_late", None)


def test_pinned_entropy_is_seen_through(program: Program, tmp_path: Path) -> None:
    class Pinned:
        """Like the stand-ins that pin a factor."""

        original = staticmethod(os.urandom)

        def __call__(self, size: int) -> bytes:
            return bytes(size)

    module = program("first = os.urandom(2)\nreturn first, random.Random().random()", "import os, random")
    before = os.urandom
    os.urandom = pinned = Pinned()
    try:
        with Taps(root=tmp_path).watching() as watch:
            assert module.run(None)[0] == bytes(2)
        assert os.urandom is pinned
    finally:
        os.urandom = before
    assert [draw.call for draw in watch.draws()] == ["os.urandom()", "random.Random()"]


def test_draws_after_the_watch_are_not_counted(program: Program, tmp_path: Path) -> None:
    module = program("os.urandom(1)", "import os")
    with Taps(root=tmp_path).watching() as watch:
        module.run(None)
    module.run(None)
    assert [draw.count for draw in watch.draws()] == [1]
    assert watch.draws() == watch.draws()


def test_threads_are_counted_without_loss(program: Program, tmp_path: Path) -> None:
    module = program("for _ in range(500): os.urandom(1)", "import os")
    with Taps(root=tmp_path).watching() as watch:
        threads = [threading.Thread(target=module.run, args=(None,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [draw.count for draw in watch.draws()] == [2000]


def test_a_tapped_function_behaves_as_the_original(tmp_path: Path) -> None:
    original: Callable[..., Any] = os.listdir
    with Taps(root=tmp_path).watching():
        assert os.listdir == original
        assert os.listdir in os.supports_fd
        assert os.listdir.__name__ == "listdir"
        assert pickle.loads(pickle.dumps(os.listdir)) is original

        class Holder:
            read: Any = os.urandom

        assert len(Holder().read(3)) == 3
        with pytest.raises(FileNotFoundError):
            os.listdir(tmp_path / "absent")
        assert random.Random(5).random() == random.Random(5).random()


@pytest.mark.parametrize(
    ("call", "fix"),
    [
        ("numpy.random.default_rng()", "np.random.default_rng(repro.seed)"),
        ("numpy.random.SeedSequence()", "np.random.SeedSequence(repro.seed)"),
        ("random.Random()", "random.Random(repro.seed)"),
        ("os.listdir()", "sorted(...)"),
        ("pathlib.Path.glob()", "sorted(...)"),
        ("uuid.uuid4()", "pass the id in"),
        ("scipy.stats.qmc.Sobol()", "rng=repro.seed"),
        ("sklearn.cluster.KMeans()", "random_state=repro.seed"),
        ("torch.seed()", "torch.manual_seed(repro.seed)"),
        ("secrets.token_hex()", "random.Random(repro.seed)"),
        ("somelib.sample()", "give it a seed"),
    ],
)
def test_the_fix_is_in_the_words_of_the_library(call: str, fix: str) -> None:
    assert fix in fix_for(call)


@pytest.mark.parametrize(
    ("file", "in_test"), [("test_a.py", True), ("tests/a_test.py", True), ("conftest.py", True), ("model.py", False)]
)
def test_the_fix_outside_of_tests_is_a_seed_that_is_passed_in(file: str, in_test: bool) -> None:
    fix = fix_for("numpy.random.default_rng()", file)
    passed_in = "np.random.default_rng(seed); make seed a parameter, and let the test pass repro.seed"
    assert fix == ("np.random.default_rng(repro.seed)" if in_test else passed_in)
    assert fix_for("os.listdir()", file) == fix_for("os.listdir()")


def test_strict_leaves_out_what_is_allowed_and_all_listings() -> None:
    here = Location("a.py", 1)
    entropy, ids = EntropyDraw("os-entropy", "os.urandom()", here, 1), EntropyDraw("uuid", "uuid.uuid4()", here, 1)
    listing, clock = EntropyDraw("listing", "os.listdir()", here, 1), EntropyDraw("clock", "time.time()", here, 1)
    draws = (entropy, ids, listing, clock)

    assert strict_violations(draws, ()) == (entropy, ids, clock)
    assert strict_violations(draws, ["clock", "uuid"]) == (entropy,)
    assert strict_violations(draws, {"entropy"}) == (ids, clock)
