"""Hashes of another interpreter, and the seeds chosen by them."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from itertools import combinations
from types import ModuleType

import pytest

from pytest_repro.hashing import _order, choose_seeds, string_hash, word_groups

WORDS = ["a", "region", "naïve", "日本語", "😀", "exactly8", "x" * 37]


def _in_interpreter(seed: int, expression: str) -> object:
    code = f"import json; print(json.dumps({expression}))"
    environment = {"PYTHONHASHSEED": str(seed), "PYTHONUTF8": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("seed", [0, 1, 4242])
def test_string_hash_is_that_of_an_interpreter_started_with_the_seed(seed: int) -> None:
    assert _in_interpreter(seed, f"[hash(word) for word in {WORDS!r}]") == [string_hash(word, seed) for word in WORDS]


def test_empty_string_hashes_to_zero() -> None:
    assert string_hash("", 7) == 0


def test_first_chosen_seed_turns_a_pair_around() -> None:
    pair = ("alpha", "beta")
    for here in range(1, 6):
        (seed,) = choose_seeds([pair], count=1, here=partial(string_hash, seed=here))
        orders = {other: _in_interpreter(other, f"list(set({list(pair)!r}))") for other in (here, seed)}
        assert orders[here] == list(reversed(orders[seed]))  # type: ignore[call-overload]


def test_first_chosen_seed_turns_nearly_every_pair_of_few_words_around() -> None:
    words = ("region", "channel", "plan", "churn")
    turned = []
    for here in range(1000, 1020):
        (seed,) = choose_seeds([words, words[:3]], count=1, here=partial(string_hash, seed=here))
        ours, theirs = (_order(words, partial(string_hash, seed=number)) for number in (here, seed))
        turned += [(ours[a] < ours[b]) != (theirs[a] < theirs[b]) for a, b in combinations(words[:3], 2)]
    assert sum(turned) >= 0.95 * len(turned)


def test_many_words_have_fewer_seeds_to_choose_from() -> None:
    groups = [tuple(f"w{group}_{number}" for number in range(12)) for group in range(40)]
    assert max(choose_seeds(groups, count=4, here=partial(string_hash, seed=3))) <= 24


def test_choice_is_the_same_for_the_same_words_and_hash() -> None:
    groups = [("a", "b", "c"), ("train", "test", "valid", "holdout", "extra")]
    here = partial(string_hash, seed=3)
    assert choose_seeds(groups, count=4, here=here) == choose_seeds(groups, count=4, here=here)


def test_seeds_are_distinct_and_as_many_as_asked() -> None:
    chosen = choose_seeds([("a", "b")], count=4, here=partial(string_hash, seed=3))
    assert len(set(chosen)) == 4


def test_without_words_the_ladder_is_fixed() -> None:
    assert choose_seeds([], count=4) == (1, 2, 3, 4)


def test_words_of_lists_dicts_functions_and_classes_are_found() -> None:
    module = ModuleType("sample")
    source = (
        "NAMES = ['red', 'green']\nTABLE = {'x': 1, 'y': 2}\n"
        "def f():\n    return {'north', 'south'}\n"
        "def d():\n    'documented'\n    return {'up', 'down', 'still'}\n"
        "class C:\n    def g(self):\n        return ('left', 'right')\n"
    )
    exec(source, module.__dict__)
    words = {word for group in word_groups([module]) for word in group}
    assert {"red", "green", "x", "y", "north", "south", "left", "right", "up", "down", "still"} <= words
    assert "documented" not in words


def test_a_module_without_words_has_no_groups() -> None:
    assert word_groups([ModuleType("empty")]) == ()
