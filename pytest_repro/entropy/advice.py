"""What to do about a draw, and which draws fail a strict test."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from pytest_repro.model import EntropyDraw

__all__ = ["ALLOWABLE", "fix_for", "strict_violations"]

#: names that a strict test may allow, and the source that each stands for. ``clock`` is for callers
#: who find clocks by other means: no tap sees them.
ALLOWABLE: Final = {"entropy": "os-entropy", "uuid": "uuid", "listing": "listing", "clock": "clock"}

#: first match wins; searched in the call without its parentheses
_FIXES: Final = (
    (r"^numpy\.random\.(default_rng|Generator)$", "np.random.default_rng(repro.seed)"),
    (r"^numpy\.random\.(RandomState\.)?seed$", "np.random.seed(repro.seed), or leave it out: each run is seeded"),
    (r"^numpy\.random\.(\w+)$", r"np.random.\1(repro.seed)"),
    (r"^random\.Random$", "random.Random(repro.seed)"),
    (r"^random\.(Random\.)?seed$", "random.seed(repro.seed), or leave it out: each run is seeded"),
    (r"^(random\.SystemRandom|secrets\.|random\._urandom)", "random.Random(repro.seed): this draws from the system"),
    (r"^uuid\.", "pass the id in, or keep it out of what is recorded; uuid.uuid5(namespace, name) repeats"),
    (r"^os\.(urandom|getrandom)$", "random.Random(repro.seed).randbytes(n), or keep it out of what is recorded"),
    (r"^torch\.(random\.)?seed$", "torch.manual_seed(repro.seed), or leave it out: each run is seeded"),
    (r"(^|\.)(Sobol|Halton|LatinHypercube|PoissonDisk|\w+QMC)$", "rng=repro.seed (older SciPy: seed=)"),
    (r"^scipy\.", "rng=np.random.default_rng(repro.seed) (older SciPy: random_state= or seed=)"),
    (r"^sklearn\.", "random_state=repro.seed"),
    (r"^networkx\.", "seed=repro.seed"),
    (r"^polars\.", "seed=repro.seed"),
    (r"^(os\.(listdir|scandir)|pathlib\.|glob\.)", "sorted(...) around the listing"),
    (r"^os\.f?walk$", "sort dirnames in place and filenames in each step: dirnames.sort()"),
)  # fmt: skip

#: files that hold tests: what pytest collects by default
_TESTS: Final = r"(^|[/\\])(test_[^/\\]*|[^/\\]*_test|conftest)\.py$"


def fix_for(call: str, file: str = "") -> str:
    """Say what change makes `call` (the text of an `EntropyDraw`) repeat.

    Args:
        call: as the user would write it.
        file: where it stands. Outside of tests there is no ``repro``: the seed must be passed in.
    """
    fix = _fix(call.removesuffix("()"))
    if not file or re.search(_TESTS, file) or "repro.seed" not in fix:
        return fix
    return f"{fix.replace('repro.seed', 'seed')}; make seed a parameter, and let the test pass repro.seed"


def _fix(name: str) -> str:
    for pattern, fix in _FIXES:
        match = re.search(pattern, name)
        if match is not None:
            return match.expand(fix) if r"\1" in fix else fix
    return "give it a seed: seed=, rng= or random_state=repro.seed"


def strict_violations(draws: Iterable[EntropyDraw], allow: Collection[str]) -> tuple[EntropyDraw, ...]:
    """Pick the draws that fail a strict test, less what `allow` names (keys of `ALLOWABLE`).

    Listings never do: whether their order reaches a result cannot be seen from the call.
    """
    allowed = {ALLOWABLE.get(name, name) for name in allow} | {"listing"}
    return tuple(draw for draw in draws if draw.source not in allowed)
