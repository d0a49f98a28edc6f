"""Every draw that Python can see is found, on its line and under its name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.unit.entropy.programs import Program, marked_line, watch

NUMPY = "import numpy as np"

GUILTY = [
    pytest.param("import os", "os.urandom(16)  # here", "os.urandom()", 1, id="urandom"),
    pytest.param("from os import urandom", "urandom(16)  # here", "os.urandom()", 1, id="urandom-bound-by-name"),
    pytest.param("import secrets", "secrets.token_hex(8)  # here", "secrets.token_hex()", 1, id="token_hex"),
    pytest.param("import secrets", "secrets.token_bytes()  # here", "secrets.token_bytes()", 1, id="token_bytes"),
    pytest.param("import secrets", "secrets.choice([1, 2, 3])  # here", "secrets.choice()", 1, id="secrets-choice"),
    pytest.param("import secrets", "secrets.randbits(8)  # here", "secrets.randbits()", 1, id="randbits"),
    pytest.param("import random", "random.Random()  # here", "random.Random()", 1, id="Random"),
    pytest.param("import random", "random.Random(None)  # here", "random.Random()", 1, id="Random-None"),
    pytest.param("import random", "random.seed()  # here", "random.seed()", 1, id="random-seed"),
    pytest.param("from random import seed", "seed()  # here", "random.seed()", 1, id="random-seed-bound-by-name"),
    pytest.param("import uuid", "uuid.uuid4()  # here", "uuid.uuid4()", 1, id="uuid4"),
    pytest.param("from uuid import uuid4 as new", "new()  # here", "uuid.uuid4()", 1, id="uuid4-bound-by-name"),
    pytest.param("import uuid", "uuid.uuid1()  # here", "uuid.uuid1()", 1, id="uuid1"),
    pytest.param(NUMPY, "np.random.default_rng()  # here", "numpy.random.default_rng()", 1, id="default_rng"),
    pytest.param(NUMPY, "np.random.default_rng(None)  # here", "numpy.random.default_rng()", 1, id="default_rng-None"),
    pytest.param(NUMPY, "np.random.SeedSequence()  # here", "numpy.random.SeedSequence()", 1, id="SeedSequence"),
    pytest.param(NUMPY, "np.random.PCG64()  # here", "numpy.random.PCG64()", 1, id="PCG64"),
    pytest.param(NUMPY, "np.random.RandomState()  # here", "numpy.random.RandomState()", 1, id="RandomState"),
    pytest.param(
        NUMPY,
        "seed = None\nnp.random.RandomState(seed)  # here",
        "numpy.random.RandomState()",
        1,
        id="RandomState-name",
    ),
    pytest.param(NUMPY, "np.random.seed()  # here", "numpy.random.seed()", 1, id="numpy-seed"),
    pytest.param(
        "from numpy.random import default_rng",
        "for _ in range(3):\n    default_rng()  # here",
        "numpy.random.default_rng()",
        3,
        id="counted-in-a-loop",
    ),
    pytest.param("import os", "os.listdir(folder)  # here", "os.listdir()", 1, id="listdir"),
    pytest.param("import os", "list(os.scandir(folder))  # here", "os.scandir()", 1, id="scandir"),
    pytest.param("import os", "list(os.walk(folder))  # here", "os.walk()", 1, id="walk"),
    pytest.param("import glob", "glob.glob(f'{folder}/*.txt')  # here", "glob.glob()", 1, id="glob"),
    pytest.param("", "for path in folder.iterdir(): pass  # here", "pathlib.Path.iterdir()", 1, id="iterdir"),
    pytest.param("", "list(folder.glob('*.txt'))  # here", "pathlib.Path.glob()", 1, id="Path.glob"),
]


@pytest.mark.parametrize(("head", "body", "call", "count"), GUILTY)
def test_a_draw_is_found_with_its_line_and_count(
    head: str, body: str, call: str, count: int, program: Program, tmp_path: Path
) -> None:
    module = program(body, head)

    (draw,) = watch(module, tmp_path)

    assert (draw.call, draw.location.line, draw.count) == (call, marked_line(module), count)
    assert draw.location.file == f"{module.__name__}.py"
    assert draw.source == ("uuid" if "uuid" in call else "listing" if _lists(call) else "os-entropy")


def _lists(call: str) -> bool:
    return any(part in call for part in ("listdir", "scandir", "walk", "glob", "iterdir"))


def test_a_draw_inside_of_scipy_is_named_by_the_users_call(program: Program, tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    module = program("qmc.Sobol(d=2)  # here", "from scipy.stats import qmc")
    (draw,) = watch(module, tmp_path)
    assert (draw.call, draw.location.line) == ("scipy.stats.qmc.Sobol()", marked_line(module))


def test_torch_seed_is_found(program: Program, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    module = program("torch.seed()  # here", "import torch")
    (draw,) = watch(module, tmp_path)
    assert (draw.call, draw.location.line) == ("torch.seed()", marked_line(module))


def test_a_draw_in_a_pool_of_joblib_is_found(program: Program, tmp_path: Path) -> None:
    pytest.importorskip("joblib")
    body = "Parallel(n_jobs=2, prefer='threads')(delayed(draw)() for _ in range(4))"
    head = "import random\nfrom joblib import Parallel, delayed\ndef draw():\n    return random.Random()  # here\n"
    module = program(body, head)
    (draw,) = watch(module, tmp_path)
    assert (draw.call, draw.location.line, draw.count) == ("random.Random()", marked_line(module), 4)


def test_a_draw_in_a_thread_without_user_code_has_no_line(program: Program, tmp_path: Path) -> None:
    head = "import random\nfrom concurrent.futures import ThreadPoolExecutor"
    module = program("with ThreadPoolExecutor(1) as pool:\n    pool.submit(random.Random).result()", head)
    (draw,) = watch(module, tmp_path)
    assert (draw.call, str(draw.location)) == ("random.Random()", "<unknown>:0")


def test_draws_come_in_the_order_of_their_first_occurrence(program: Program, tmp_path: Path) -> None:
    body = "for _ in range(2):\n    uuid.uuid4()\n    random.Random()\nos.urandom(1)"
    draws = watch(program(body, "import os, random, uuid"), tmp_path)
    assert [(draw.call, draw.count) for draw in draws] == [
        ("uuid.uuid4()", 2),
        ("random.Random()", 2),
        ("os.urandom()", 1),
    ]


def test_code_outside_of_the_root_counts_as_the_users(program: Program, tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    module = program("os.urandom(1)  # here", "import os")
    (draw,) = watch(module, tmp_path / "tests")
    assert (draw.location.file, draw.location.line) == (module.__file__, marked_line(module))


def test_draws_of_torch_imported_during_the_watch_are_found(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    body = "sys.modules['torch'] = torch\nos.urandom(1)\ntorch.seed()  # here"
    module = program(body, "import os, sys, torch")
    before = module.torch.seed
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.delitem(sys.modules, "torch.random")

    draws = watch(module, tmp_path)

    assert [draw.call for draw in draws] == ["os.urandom()", "torch.seed()"]
    assert draws[1].location.line == marked_line(module)
    assert module.torch.seed is before
