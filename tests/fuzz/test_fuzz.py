"""Readers under hostile input. A thousand of them here; ``python -m tests.fuzz --count 1000000`` is a night's worth."""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import re
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_repro.baseline.entries import entry_from_json
from pytest_repro.errors import StoredDataError
from pytest_repro.model import Tolerance
from pytest_repro.storage import read_json
from pytest_repro.values import decode
from pytest_repro.values.npy import read_npy
from tests.fuzz.mutate import endless, hostile
from tests.fuzz.readers import READERS, Reader, make_readers

ROOT = Path(__file__).parents[2]
NIGHTLY = os.environ.get("PYTEST_REPRO_NIGHTLY") == "1"
COUNT = 1_000_000 if NIGHTLY else 1_500

needs_limits = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits memory by RLIMIT_AS and /proc")


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reader]:
    return {reader.name: reader for reader in make_readers(tmp_path_factory.mktemp("readers") / "files")}


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "--keep", str(cwd / "findings"), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@needs_limits
def test_hostile_input_breaks_no_reader(tmp_path: Path) -> None:
    done = run("--count", str(COUNT), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(READERS)
    assert all("read" in line.split(": ")[1] for line in lines), "the good input was not read either"


#: what a reader must not do, and what the guard says of it
DEEDS = {
    "os.system('true')": "os.system",
    "eval('1')": "exec of '<string>'",
    "pickle.loads(pickle.dumps(ValueError))": "pickle.find_class",
    "open(OUTSIDE, 'w')": "writes ",
    "os.killpg(0, 0)": "os.killpg",
    "bytearray(1 << 31)": "MemoryError",
    "signal.raise_signal(signal.SIGALRM)": "it took more than",
    "{}['absent']": "KeyError",
    "caught()": "os.system",
}
PROGRAM = """
import os, pickle, signal, sys
from tests.fuzz import __main__ as fuzz
from tests.fuzz.readers import Reader

OUTSIDE = sys.argv[2] + "/outside"

def caught():
    try:
        os.system("true")
    except BaseException:
        pass

def reader(name, deed):
    seen = []
    def read(data):
        seen.append(data)
        if len(seen) > 1:  # the first reading is not watched: it only imports
            exec(deed)
    return Reader(name, [b"x"], read)

deeds = {name: compile(name, __file__, "exec") for name in eval(sys.argv[1])}
fuzz.make_readers = lambda home: [reader(name, deed) for name, deed in deeds.items()]
sys.exit(fuzz.main(["--count", str(4 * len(deeds)), "--findings", "1", "--keep", sys.argv[2]]))
"""


@needs_limits
def test_the_guard_sees_what_a_reader_must_not_do(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(program), repr(list(DEEDS)), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    said = dict(re.findall(r"^(.+?): \S+/.*\n(?:.*\n)*?(?:\S*Broken: |(?=\w+Error))(.*)$", done.stderr, re.MULTILINE))
    assert said.keys() == DEEDS.keys(), done.stderr
    for deed, reason in DEEDS.items():
        assert reason in said[deed]


JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(),
        st.randoms(use_true_random=False).map(lambda rng: hostile(random.Random(rng.random()))),
    ),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=12,
)  # fmt: skip


@pytest.mark.parametrize("name", [name for name in READERS if name != "recording"])
@settings(max_examples=200 if NIGHTLY else 15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(value=JSON)
def test_any_json_is_read_or_refused(readers: dict[str, Reader], name: str, value: object) -> None:
    try:
        text = json.dumps(value)
    except (RecursionError, ValueError):
        return
    readers[name](text.encode())


@pytest.mark.parametrize("name", READERS)
def test_mutations_reach_behind_the_first_check(readers: dict[str, Reader], name: str) -> None:
    """A mutator whose every input is refused at the door tests the door."""
    inputs = endless(readers[name].seeds, random.Random(1))
    outcomes = {readers[name](next(inputs)) for _ in range(len(readers[name].seeds) + 40)}
    assert len(outcomes) > 1 or name in ("npy", "recording"), outcomes  # these two report within


# --- what was found ---------------------------------------------------------------------------


def no_array(_: object) -> Any:
    raise StoredDataError("there is none")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"shape": [2**61, 2**61, 0], "dtype": "float64"}, id="no elements, in more than there can be"),
        pytest.param({"shape": [2**60], "dtype": "U0"}, id="elements of no bytes"),
        pytest.param({"shape": [1], "dtype": "U1", "data": "////fw=="}, id="what is no character"),
        pytest.param({"shape": [1], "dtype": "datetime64", "data": "AQAAAAAAAAA="}, id="a date without a unit"),
    ],
)
def test_a_hostile_array_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(StoredDataError):
        decode({"array": {"type": "numpy.ndarray", "data": "", **body}}, get=no_array)


class Touch:
    """What a pickle would do when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.path,)


def saved(data: Any, **options: Any) -> bytes:
    out = io.BytesIO()
    np.save(out, data, **options)
    return out.getvalue()


def header(text: str) -> bytes:
    raw = text.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(raw).to_bytes(2, "little") + raw


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param(b"", "no .npy file", id="empty"),
        pytest.param(b"PK\x03\x04" + b"\0" * 100, "no .npy file", id="an archive"),
        pytest.param(pickle.dumps([1]), "no .npy file", id="a pickle"),
        pytest.param(saved(np.zeros(2, "i8"))[:-3], "its header says 16", id="cut off"),
        pytest.param(saved(np.zeros(2, [("a", "f8")])), "not one that is written", id="fields"),
        pytest.param(
            header("{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999999,), }"), "says 79,", id="huge"
        ),
        pytest.param(
            header("{'descr': '<U0', 'fortran_order': False, 'shape': (9999999,), }"), "shape", id="empty text"
        ),
        pytest.param(
            header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }"), "not one that", id="negative"
        ),
        pytest.param(header("(" * 9000), "not one that is written", id="nested"),
        pytest.param(header("__import__('os').system('true')"), "not one that is written", id="an expression"),
        pytest.param(header("{'descr': '<f7', 'fortran_order': False, 'shape': (), }"), "unknown type", id="no type"),
        pytest.param(
            header("{'descr': '<U1', 'fortran_order': False, 'shape': (1,), }") + b"\xff\xff\xff\x7f",
            "no character",
            id="no character",
        ),
    ],
)
def test_a_hostile_npy_file_is_refused(tmp_path: Path, raw: bytes, reason: str) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(raw)
    with pytest.raises(StoredDataError, match=reason) as caught:
        read_npy(path, remedy="make it anew")
    assert str(caught.value).startswith(str(path))
    assert str(caught.value).endswith("make it anew")


def test_a_pickle_in_an_npy_file_is_not_loaded(tmp_path: Path) -> None:
    path, canary = tmp_path / "x.npy", tmp_path / "executed"
    path.write_bytes(saved(np.array([Touch(canary)], object), allow_pickle=True))
    with pytest.raises(StoredDataError, match="pickled objects, which are never loaded"):
        read_npy(path, remedy="make it anew")
    np.load(path, allow_pickle=True)
    assert canary.exists(), "the payload does nothing, so that it proves nothing"


def test_a_named_pipe_is_not_waited_for(tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("named pipes")
    os.mkfifo(tmp_path / "x.npy")
    with pytest.raises(StoredDataError, match="not a regular file"):
        read_npy(tmp_path / "x.npy", remedy="make it anew")


@pytest.mark.parametrize(
    "data",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.array(5, "<i2"),
        np.array([1.5, 2], ">f4"),
        np.zeros((3, 0)),
        np.array(["ab", "\u00e9\U0001f600"]),
        np.array([b"ab"]),
        np.array(["2027-01-31", "NaT"], "M8[D]"),
        np.array([1, 2], "m8[25us]"),
        np.array([1 + 2j], "c8"),
        np.array([True]),
        np.arange(200_000.0),
        np.asfortranarray(np.arange(200_000.0).reshape(2, -1)),
        np.array([1.5], np.longdouble),
    ],
    ids=lambda data: f"{data.dtype.str} {data.shape}",
)
def test_what_numpy_saves_is_read_as_numpy_reads_it(tmp_path: Path, data: Any) -> None:
    path = tmp_path / "x.npy"
    np.save(path, data)
    found = read_npy(path, remedy="")
    assert (found.dtype, found.shape) == (data.dtype, data.shape)
    assert found.tobytes() == np.load(path).tobytes() == data.tobytes()
    assert not found.flags.writeable or not found.size


@pytest.mark.parametrize("number", ["1e999", "-1E+400", "9" * 400 + ".5"])
def test_a_number_beyond_all_floats_is_refused_where_it_is_read(tmp_path: Path, number: str) -> None:
    """It would be read as infinite, and no file could be written with it."""
    path = tmp_path / "x.json"
    path.write_text(f'{{"a": [{number}]}}', encoding="utf-8")
    with pytest.raises(StoredDataError, match="beyond what a float can be; make it anew"):
        read_json(path, remedy="make it anew")


def test_large_numbers_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"a": [1.7976931348623157e+308, -1e300, 5e-324, 1e-999]}', encoding="utf-8")
    assert read_json(path, remedy="") == {"a": [1.7976931348623157e308, -1e300, 5e-324, 0.0]}


@pytest.mark.parametrize("row", [[1e999, 0, 0, False], [0, -1, 0, False], [10**400, 0, 0, False], [0, 0, True, False],
                                 [0, 0, 0], [float("nan"), 0, 0, False], "text", None])  # fmt: skip
def test_a_tolerance_that_would_let_everything_pass_is_refused(row: object) -> None:
    with pytest.raises(ValueError, match="finite and not negative"):
        Tolerance.from_row(row)
    assert Tolerance.from_row(Tolerance(0.5, 1, 3, nan_payload=True).row()) == Tolerance(0.5, 1, 3, nan_payload=True)


def test_reading_a_small_file_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("{}", encoding="utf-8")
    tracemalloc.start()
    try:
        read_json(path, remedy="", limit=1 << 30)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_file_in_which_a_series_claims_many_points_takes_little_memory(tmp_path: Path) -> None:
    body = {"series": {"steps": "0..49999999", "digest": {
        "fingerprint": "0" * 32, "kind": "series", "unit": "leaves", "count": 50_000_000, "block": 50_000_000,
        "ladder": ["0" * 16],
    }}}  # fmt: skip
    with pytest.raises(StoredDataError, match="it says to have 50,000,000 points"):
        entry_from_json(body)
