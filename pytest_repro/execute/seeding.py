"""Other plugins that seed: ours is the last word, in this process and in a worker's child."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import pytest

from pytest_repro.rng import Seeders, randomly_seeders

__all__ = ["hypothesis_seed", "own_seeds", "seeders_for"]


def seeders_for(config: pytest.Config) -> Seeders:
    """Every generator that a run starts from: known libraries, pytest-randomly's entry points, our hook."""
    hook = config.hook.pytest_repro_seed
    return Seeders([*randomly_seeders(), lambda seed: hook(seed=seed) if hook.get_hookimpls() else None])


def own_seeds(config: pytest.Config) -> AbstractContextManager[None]:
    """Keep pytest-randomly from reseeding between our seed and the test; its seed changes from session to session."""
    return _not_reset(config.option) if getattr(config.option, "randomly_reset_seed", False) else nullcontext()


@contextmanager
def _not_reset(option: Any) -> Iterator[None]:
    option.randomly_reset_seed = False
    try:
        yield
    finally:
        option.randomly_reset_seed = True


def hypothesis_seed(item: pytest.Item, seed: int) -> AbstractContextManager[None]:
    """Give every run of a hypothesis test the same examples, as ``@hypothesis.seed`` does."""
    function: Any = getattr(item, "obj", None)
    return _same_examples(function, seed) if getattr(function, "is_hypothesis_test", False) else nullcontext()


@contextmanager
def _same_examples(function: Any, seed: int) -> Iterator[None]:
    import hypothesis

    target = getattr(function, "__func__", function)
    mark = "_hypothesis_internal_use_seed"
    if getattr(target, mark, None) is not None:
        yield
        return
    hypothesis.seed(seed)(target)
    try:
        yield
    finally:
        setattr(target, mark, None)
