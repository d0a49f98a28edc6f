"""Feed every reader with hostile input, in this process, under guard.

::

    python -m tests.fuzz                                  10,000 inputs in all, some seconds
    python -m tests.fuzz --count 1000000                  a night's worth
    python -m tests.fuzz --engine atheris --count 100000  guided by coverage (pip install atheris)
    python -m tests.fuzz --reader npy --replay FILE       one input again

The inputs are a function of ``--seed``. What breaks a reader is written to ``--keep``, the process ends with 1.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import gc
import hashlib
import os
import random
import sys
import tempfile
import time
import traceback
import types
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.guard import Broken, Guard, bound_memory
from tests.fuzz.mutate import endless, mutate_bytes, mutate_json
from tests.fuzz.readers import READERS, Reader, make_readers

#: packages whose branches guide atheris
_WATCHED = frozenset({"pytest_repro", "json", "zipfile", "tomllib", "configparser"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 0 when no reader broke a promise."""
    options = _options(arguments)
    os.fsync = lambda fd: None  # a disk is not what is tested, and a million flushes to it take hours
    with tempfile.TemporaryDirectory(prefix="repro-fuzz-") as home:
        readers = [reader for reader in make_readers(Path(home, "files")) if options.reader in ("", reader.name)]
        for reader in readers:
            for seed in reader.seeds:
                with contextlib.suppress(Exception):  # it is read again under guard
                    reader(seed)  # imports what it needs
        guard = Guard(Path(home))
        if options.replay is not None:
            return int(not _holds(readers[0], options.replay.read_bytes(), guard, options.keep))
        if options.engine == "atheris":
            return _atheris(readers, guard, options)
        bound_memory()
        shares = sum(reader.share for reader in readers)
        fine = [_fuzz(reader, options.count * reader.share // shares, guard, options) for reader in readers]
        return int(not all(fine))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--count", type=int, default=10_000, help="inputs in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reader", choices=READERS, default="")
    parser.add_argument("--engine", choices=("mutator", "atheris"), default="mutator")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"), help="folder for what breaks a reader")
    parser.add_argument("--findings", type=int, default=5, help="stop a reader after so many")
    parser.add_argument("--replay", type=Path, help="read this file once; needs --reader")
    return parser.parse_args(arguments)


def _fuzz(reader: Reader, count: int, guard: Guard, options: argparse.Namespace) -> bool:
    rng = random.Random(f"{reader.name} {options.seed}")
    outcomes: collections.Counter[str] = collections.Counter()
    start, slowest, broken = time.perf_counter(), 0.0, 0
    inputs = endless(reader.seeds, rng)
    for _ in range(count):
        data = next(inputs)
        begin = time.perf_counter()
        outcome = _outcome(reader, data, guard, options.keep)
        slowest = max(slowest, time.perf_counter() - begin)
        outcomes[outcome] += 1
        broken += outcome == "BROKEN"
        if broken >= options.findings:
            break
    seconds = time.perf_counter() - start
    said = ", ".join(f"{number} {name}" for name, number in outcomes.most_common())
    print(
        f"{reader.name:12} {sum(outcomes.values()):8} inputs {seconds:7.1f} s, slowest {slowest:.3f} s: {said}",
        flush=True,
    )
    return not broken


def _holds(reader: Reader, data: bytes, guard: Guard, keep: Path) -> bool:
    return _outcome(reader, data, guard, keep) != "BROKEN"


def _outcome(reader: Reader, data: bytes, guard: Guard, keep: Path) -> str:
    try:
        with guard.watching():
            return reader(data)
    except (Exception, Broken):
        guard.seen = ""
        keep.mkdir(parents=True, exist_ok=True)
        path = keep / f"{reader.name}-{hashlib.sha256(data).hexdigest()[:12]}"
        path.write_bytes(data)
        trace = traceback.format_exc().strip()
        print(f"{reader.name}: {path}\n{trace[-3000:]}\n", file=sys.stderr, flush=True)
        return "BROKEN"


def _atheris(readers: list[Reader], guard: Guard, options: argparse.Namespace) -> int:
    """Coverage-guided, one reader a process: libFuzzer ends the process that it runs in."""
    import atheris

    for function in _functions_to_watch():
        atheris.instrument_func(function)
    failed = 0
    for reader in readers:
        count = options.count * reader.share // sum(each.share for each in readers)
        child = os.fork()
        if child == 0:
            corpus = Path(tempfile.mkdtemp(prefix=f"repro-corpus-{reader.name}-"))
            for number, seed in enumerate(reader.seeds):
                (corpus / str(number)).write_bytes(seed)
            _run_atheris(atheris, reader, guard, options, corpus, count)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        failed |= status
        print(f"{reader.name:12} {count:8} inputs by atheris: {'BROKEN' if status else 'fine'}", flush=True)
    return int(bool(failed))


def _functions_to_watch() -> list[types.FunctionType]:
    """Those of ours and of the formats that we read: all that are loaded are tens of thousands, and take minutes."""
    return [
        thing
        for thing in gc.get_objects()
        if type(thing) is types.FunctionType and str(thing.__module__).partition(".")[0] in _WATCHED
    ]


def _run_atheris(
    atheris: object, reader: Reader, guard: Guard, options: argparse.Namespace, corpus: Path, count: int
) -> None:
    import json

    def one(data: bytes) -> None:
        if not _holds(reader, bytes(data), guard, options.keep):
            raise Broken(reader.name)

    def mutator(data: bytes, max_size: int, seed: int) -> bytes:
        rng = random.Random(seed)
        try:
            changed = mutate_json(json.loads(data), rng)
        except (ValueError, RecursionError):
            changed = mutate_bytes(bytes(data), rng)
        return changed[:max_size]

    arguments = [
        sys.argv[0],
        f"-runs={count}",
        f"-seed={options.seed + 1}",
        "-max_len=65536",
        "-verbosity=0",
        str(corpus),
    ]
    fuzzer: object = atheris
    fuzzer.Setup(arguments, one, custom_mutator=mutator)  # type: ignore[attr-defined]
    fuzzer.Fuzz()  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main())
