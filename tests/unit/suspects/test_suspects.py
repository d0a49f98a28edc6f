"""Lines to suspect are listed under the right factor, and their harmless relatives are not."""

from __future__ import annotations

import importlib.util
import itertools
import sys
import textwrap
from pathlib import Path

import pytest

from pytest_repro.entropy import Taps
from pytest_repro.model import Location, Suspect
from pytest_repro.suspects import static_suspects

_numbers = itertools.count()


def suspects_in(code: str, folder: Path, monkeypatch: pytest.MonkeyPatch, *, root: Path | None = None) -> list[Suspect]:
    """Import `code` as a user's module and list its suspects."""
    name = f"suspect_program_{next(_numbers)}"
    path = folder / f"{name}.py"
    path.write_text(textwrap.dedent(code))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return list(static_suspects([module], root=root or folder))


def _function(body: str, head: str = "") -> str:
    return f"{head}\n\ndef run(x=None, *more):\n{textwrap.indent(body, '    ')}\n"


NP, PD, OS, TORCH = "import numpy as np", "import pandas as pd", "import os", "import torch"
DT, PATH, POOL = "import datetime", "from pathlib import Path", "import concurrent.futures as cf"
EARLY = "from time import time as now"

GUILTY = [
    # clocks
    ("clock", "time.time()", "import time", "time.time()"),
    ("clock", "time.time()", EARLY, "now()"),
    ("clock", "time.time()", EARLY, "return dict(default_factory=now)"),
    ("clock", "time.perf_counter()", "import time", "time.perf_counter()"),
    ("clock", "datetime.datetime.now()", DT, "datetime.datetime.now()"),
    ("clock", "datetime.datetime.now()", "from datetime import datetime as d", "d.now()"),
    ("clock", "datetime.date.today()", "from datetime import date", "date.today()"),
    ("clock", "datetime.date.today()", DT, "datetime.datetime.today()"),
    ("clock", "pandas.Timestamp.now()", PD, "pd.Timestamp.now()"),
    ("clock", "numpy.datetime64()", NP, "np.datetime64('now')"),
    ("clock", "time.localtime()", "import time", "time.localtime()"),
    (
        "clock",
        "sklearn.model_selection.cross_validate()",
        "from sklearn.model_selection import cross_validate",
        "cross_validate(x)",
    ),
    ("clock", ".cv_results_", "", "x.cv_results_"),
    ("clock", "gzip.open()", "import gzip", "gzip.open(x, 'wb')"),
    ("clock", "to_csv(*.gz)", "", "path = x / 'a.csv.gz'\nx.to_csv(path)"),
    # the machine and the process
    ("environment", "os.getpid()", OS, "os.getpid()"),
    ("environment", "threading.get_native_id()", "import threading", "threading.get_native_id()"),
    ("environment", "os.cpu_count()", OS, "os.cpu_count()"),
    ("environment", "socket.gethostname()", "import socket", "socket.gethostname()"),
    ("environment", "platform.node()", "import platform", "platform.node()"),
    ("environment", "datetime.datetime.fromtimestamp()", DT, "datetime.datetime.fromtimestamp(x)"),
    ("environment", "time.localtime()", "import time", "time.localtime(0)"),
    # hashes and sets
    ("hash-seed", "hash()", "", "hash(x)"),
    ("hash-seed", "for a in {'a', 'b'}", "", "for a in {'a', 'b'}: pass"),
    ("hash-seed", "list(set(x))", "", "list(set(x))"),
    ("hash-seed", "enumerate(names)", "", "names = set()\nnames.update(x)\n{n: i for i, n in enumerate(names)}"),
    ("hash-seed", "for a in names", "", "names = {b for b in x}\nfor a in names: pass"),
    ("hash-seed", "for a in names", "", "names, count = set(x), 0\nfor a in names: pass"),
    ("hash-seed", "sum(names)", "", "names = set(x) | set(more)\nsum(names)"),
    ("hash-seed", "for a in set(x)", "", "sum(a for a in set(x))"),
    ("hash-seed", "max(names)", "", "names = set(x) - {1}\nmax(names, key=len)"),
    ("hash-seed", "*names", "", "names = frozenset(x)\nprint(*names)"),
    ("hash-seed", "names.pop()", "", "names = set(x)\nnames.pop()"),
    ("hash-seed", "join(set(x))", "", "','.join(set(x))"),
    ("hash-seed", "networkx.simple_cycles()", "import networkx as nx", "nx.simple_cycles(x)"),
    # memory
    ("memory", "id()", "", "id(x)"),
    ("memory", "threading.get_ident()", "import threading", "threading.get_ident()"),
    ("memory", "id()", "", "sorted(x, key=lambda a: id(a))"),
    ("memory", "numpy.empty()", NP, "a = np.empty(3)\na[0] = 1"),
    ("memory", "torch.empty()", TORCH, "torch.empty(3) + 1"),
    ("memory", "numpy.divide(where=...)", NP, "np.divide(x, x, where=x > 0)"),
    ("memory", "repr() in a digest", "import hashlib", "hashlib.md5(repr(x).encode())"),
    ("memory", "pickle.dumps()", "import hashlib, pickle", "hashlib.md5(pickle.dumps(x))"),
    ("memory", "pickle.dump()", "import pickle", "pickle.dump(x.state_dict(), x)"),
    # files
    ("files", "os.listdir()", OS, "for name in os.listdir(x): pass"),
    ("files", "os.listdir()", OS, "return [a for a in os.listdir(x)]"),
    ("files", "glob.glob()", "from glob import glob as find", "find('*')"),
    ("files", "iterdir()", PATH, "Path(x).iterdir()"),
    ("files", "rglob()", PATH, "list(x.rglob('*'))"),
    ("files", ".st_mtime", OS, "os.stat(x).st_mtime"),
    ("files", "os.path.getmtime()", OS, "sorted(x, key=os.path.getmtime)"),
    # threads
    ("threads", "concurrent.futures.as_completed()", POOL, "cf.as_completed(x)"),
    ("threads", "imap_unordered()", "", "x.imap_unordered(len, [])"),
    ("threads", "threading.Thread()", "from threading import Thread", "Thread(target=x)"),
    ("threads", "queue.Queue()", "import queue", "queue.Queue()"),
    ("threads", "asyncio.to_thread()", "import asyncio", "asyncio.to_thread(x)"),
    ("threads", "apply_async()", "", "x.apply_async(len, callback=more.append)"),
    ("threads", "Process()", "import multiprocessing as mp", "context = mp.get_context()\ncontext.Process(target=x)"),
    ("threads", "multiprocessing.Process()", "import multiprocessing as mp", "mp.Process(target=x)"),
    ("threads", "fit(n_jobs=-1)", "", "fit = x\nfit(n_jobs=-1)"),
    ("threads", "OMP_NUM_THREADS", OS, "os.environ.setdefault('OMP_NUM_THREADS', '1')"),
    ("threads", "sklearn.cluster.KMeans()", "from sklearn.cluster import KMeans", "KMeans(3, random_state=0)"),
    # the CPU
    ("cpu", "numpy.argsort()", NP, "np.argsort(x)"),
    ("cpu", "argsort()", "", "x.argsort()"),
    ("cpu", "numpy.argpartition()", NP, "np.argpartition(x, 3)"),
    ("cpu", "sort_values()", "", "x.sort_values('a')"),
    ("cpu", "multivariate_normal()", NP, "rng = np.random.default_rng(0)\nrng.multivariate_normal(x, x)"),
    # entropy
    ("entropy", "numpy.random.default_rng()", NP, "np.random.default_rng()"),
    ("entropy", "numpy.random.default_rng()", NP, "np.random.default_rng(None)"),
    ("entropy", "numpy.random.seed()", NP, "np.random.seed()"),
    ("entropy", "random.Random()", "import random", "random.Random()"),
    ("entropy", "uuid.uuid4()", "from uuid import uuid4", "uuid4()"),
    ("entropy", "os.urandom()", "from os import urandom", "urandom(3)"),
    ("entropy", "scipy.stats.qmc.Sobol()", "from scipy.stats import qmc", "qmc.Sobol(d=2)"),
    ("entropy", "group_by()", "import polars as pl", "x.group_by('a')"),
    ("entropy", "unique()", "import polars as pl", "x.unique()"),
    ("entropy", "sample()", "import polars as pl", "x.sample(3)"),
    ("entropy", "seed()", TORCH, "g = torch.Generator()\ng.seed()"),
    # state
    ("state", "functools.lru_cache()", "from functools import lru_cache\n@lru_cache(None)\ndef f(): pass", "pass"),
    ("state", "numpy.random.default_rng() shared by all runs", f"{NP}\nRNG = np.random.default_rng(0)", "pass"),
    ("state", "random.Random() shared by all runs", "import random\nRNG = random.Random(3)", "pass"),
    ("state", "torch.Generator() shared by all runs", f"{TORCH}\nG = torch.Generator().manual_seed(0)", "pass"),
    ("state", "Layer.made += ...", "class Layer:\n    made = 0", "Layer.made += 1"),
    ("state", "COUNT += ...", "COUNT = 0", "global COUNT\nCOUNT += 1"),
    ("state", "CACHE changed in a function", "CACHE = {}", "CACHE[x] = 1"),
]

INNOCENT = [
    ("", "x.time()\nx.now()\nx.hash()"),
    ("import time", "time.sleep(0)\ntime.gmtime(0)"),
    (DT, "datetime.datetime(2020, 1, 1)\ndatetime.datetime.fromtimestamp(0, datetime.timezone.utc)"),
    (PD, "pd.Timestamp('2020-01-01')\npd.to_datetime(x)"),
    (NP, "np.datetime64('2020-01-01')"),
    (TORCH, "g = torch.Generator().manual_seed(0)\ng.initial_seed()\nx.seed(3)"),
    ("import threading", "threading.current_thread()"),
    ("", "[r.get() for r in [x.apply_async(len, [a]) for a in more]]\nx.Process(1)"),
    ("import gzip", "gzip.compress(x, mtime=0)"),
    ("", "x.to_csv('a.csv')\nx.to_csv('a.csv.gz', compression={'method': 'gzip', 'mtime': 1})"),
    ("class Key:\n    def __hash__(self): return hash(self.name)", "hash(3)"),
    ("", "def hash(y): return y\nhash(x)"),
    (
        "",
        "names = set(x)\nfor name in sorted(names): pass\nlen(names), 'a' in names, max(names)\nany(n for n in names)",
    ),
    ("", "names = set(x)\nsorted(list(names))\nother = {n for n in names} | set(n for n in names)"),
    ("", "for a in {1, 2, 3}: pass\nlist(set(range(3)))"),
    ("", "names = set(x)\nnames = sorted(names)\nfor name in names: pass"),
    ("", "names = [n for n in x]\nlist(names)\nsum(names)\nfor n in names: pass"),
    ("", "for key in {'a': 1}: pass\nlist({'a': 1})\nx.pop()"),
    ("", "same = id(x) == id(more)"),
    (NP, "a = np.empty(3)\na[:] = x\nb = np.empty(3)\nb.fill(1)\nc = np.empty(3)\nnp.add(x, x, out=c)\nnp.empty(0)"),
    (TORCH, "torch.empty(3).normal_()\na = torch.empty(3)\na.uniform_()"),
    (NP, "np.divide(x, x, where=x > 0, out=x)\nnp.where(x > 0)\nnp.sum(x, where=x)"),
    ("import hashlib", "hashlib.md5(x.encode())\nrepr(x)"),
    ("import pickle", "pickle.dumps(x)\npickle.loads(x)"),
    (OS, "for name in sorted(os.listdir(x)): pass\nnames = os.listdir(x)\nnames.sort()\nlen(os.listdir(x))"),
    (PATH, "sorted(Path(x).glob('*'))\n{p for p in x.iterdir()}\nsorted(p for p in x.iterdir())"),
    ("from concurrent.futures import wait", "wait(x)"),
    ("", "x(n_jobs=1)\nx(n_jobs=None)\nx(n_jobs=x.n_jobs)"),
    (OS, "os.environ['HOME'] = 'x'\nos.environ.setdefault('A', '1')"),
    (NP, "np.argsort(x, kind='stable')\nx.argsort(kind='mergesort')\nnp.sort(x)"),
    (TORCH, "torch.sort(x, stable=True)"),
    ("", "x.sort_values('a', kind='stable')\nx.sort_values(['a', 'b'])"),
    (NP, "np.random.default_rng(0).multivariate_normal(x, x, method='cholesky')"),
    (NP, "np.random.default_rng(0)\nnp.random.seed(x)\nnp.random.RandomState(3)\nnp.random.default_rng(*more)"),
    ("import random", "random.Random(1)\nrandom.seed(1)\nrandom.random()"),
    ("from scipy.stats import qmc", "qmc.Sobol(d=2, seed=1)\nqmc.Halton(d=2, rng=1)"),
    ("import polars as pl", "x.group_by('a', maintain_order=True)\nx.unique(maintain_order=True)\nx.sample(3, seed=0)"),
    (PD, "x.unique()\nx.sample(3)\nx.groupby('a')"),
    ("class Layer:\n    def __init__(self): self.n = 0", "layer = Layer()\nlayer.n += 1"),
    (NP, "rng = np.random.default_rng(0)\nn = 0\nn += 1"),
    ("CACHE = {}\nCACHE['a'] = 1", "CACHE = {}\nCACHE[x] = 1"),
    ("names = ['a']\nn = names.count('a')", "pass"),
]


@pytest.mark.parametrize(("factor", "call", "head", "body"), GUILTY, ids=[f"{g[0]}-{g[1]}-{g[3]}"[:60] for g in GUILTY])
def test_a_suspect_is_listed_under_its_factor(
    factor: str, call: str, head: str, body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _need(head)
    found = suspects_in(_function(body, head), tmp_path, monkeypatch)
    assert (factor, call) in {(suspect.factor, suspect.call) for suspect in found}
    assert all(suspect.advice for suspect in found)
    assert len({suspect.factor for suspect in found}) == 1


@pytest.mark.parametrize(("head", "body"), INNOCENT)
def test_a_harmless_relative_is_not_listed(
    head: str, body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _need(head)
    assert suspects_in(_function(body, head), tmp_path, monkeypatch) == []


def _need(head: str) -> None:
    for name in ("numpy", "pandas", "polars", "torch", "sklearn", "scipy", "networkx"):
        if name in head:
            pytest.importorskip(name)


def test_suspects_come_once_each_by_file_and_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import time\ndef b(): return (time.time(),\n    hash('x' + a), time.time(), time.time())\na = ''\n"
    found = suspects_in(code, tmp_path, monkeypatch)
    assert [(s.location.line, s.factor) for s in found] == [(2, "clock"), (3, "clock"), (3, "hash-seed")]
    assert found[0].location == Location(found[0].location.file, 2)
    assert "/" not in found[0].location.file


def test_names_imported_inside_of_functions_are_resolved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (suspect,) = suspects_in("def run():\n    from time import time as t\n    return t()\n", tmp_path, monkeypatch)
    assert suspect.call == "time.time()"


def test_a_parameter_hides_a_module_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert suspects_in("import time\ndef run(time):\n    return time.time()\n", tmp_path, monkeypatch) == []


def test_a_set_kept_in_an_attribute_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
    class Model:
        def __init__(self):
            self.seen = set()
        def order(self):
            return list(self.seen)
        def typed(self, labels: set[str]):
            return [label for label in labels]
    """
    found = suspects_in(code, tmp_path, monkeypatch)
    assert [suspect.call for suspect in found] == ["list(self.seen)", "for label in labels"]


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="hash(None) is a constant since Python 3.12")
def test_a_set_with_none_follows_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (suspect,) = suspects_in("GRID = {None, 1, 2}\ndef run():\n    return list(GRID)\n", tmp_path, monkeypatch)
    assert suspect.factor == "memory"


def test_installed_code_and_broken_files_give_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "site-packages"
    installed.mkdir()
    assert suspects_in("import time\nt = time.time()\n", installed, monkeypatch, root=tmp_path) == []

    name = f"suspect_program_{next(_numbers)}"
    module = type(sys)(name)
    for content in (b"def (:", b"\xff\xfe", b"# coding: nonsense\n"):
        module.__file__ = str(tmp_path / "broken.py")
        (tmp_path / "broken.py").write_bytes(content)
        assert static_suspects([module], root=tmp_path) == ()
    module.__file__ = str(tmp_path / "absent.py")
    assert static_suspects([module], root=tmp_path) == ()


def test_nothing_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
    class Trap:
        armed = False
        def __getattr__(self, name):
            raise AssertionError(name) if Trap.armed else AttributeError(name)
        @property
        def glob(self):
            raise AssertionError
        @property
        def __class__(self):
            raise AssertionError
    trap, RNG = Trap(), (lambda: None)()
    def trap_maker():
        return None
    RNG = trap_maker()
    Trap.armed = True
    def run():
        hash(trap), id(trap), trap(), trap(n_jobs=2), trap(where=1)
        return trap.anything.time(), trap.glob("x"), Trap().listdir(), [t for t in trap]
    """
    suspects_in(code, tmp_path, monkeypatch)


def test_functions_are_known_while_taps_are_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import os\nfrom os import urandom\ndef run():\n    return os.listdir('.'), urandom(1)\n"
    with Taps(root=tmp_path).watching():
        found = suspects_in(code, tmp_path, monkeypatch)
    assert [suspect.call for suspect in found] == ["os.urandom()", "os.listdir()"]


def test_a_class_that_does_not_say_its_module_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
    import os
    class Silent(type):
        @property
        def __module__(cls):
            raise OSError("no module")
    class Nameless(metaclass=Silent):
        pass
    nameless = Nameless()
    def run():
        return Nameless(), nameless(), os.listdir(".")
    """
    assert [suspect.call for suspect in suspects_in(code, tmp_path, monkeypatch)] == ["os.listdir()"]
