"""Bystanders are not reported: seeded training, names of temporary files, ids of libraries."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.entropy.programs import Program, watch

DATA = "from sklearn.datasets import make_classification\nX, y = make_classification(80, random_state=0)\n"
TORCH = "import torch\nfrom torch import nn\nfrom torch.utils.data import DataLoader, TensorDataset\n"
LOADER = """
torch.manual_seed(0)
data = TensorDataset(torch.randn(32, 4), torch.randn(32, 1))
generator = torch.Generator().manual_seed(0)
for batch in DataLoader(data, batch_size=8, shuffle=True, generator=generator, num_workers={workers}):
    pass
"""

INNOCENT = [
    pytest.param(
        "sklearn",
        DATA + "from sklearn.ensemble import RandomForestClassifier as Forest",
        "Forest(10, random_state=0).fit(X, y).predict(X)",
        id="forest",
    ),
    pytest.param(
        "sklearn",
        DATA + "from sklearn.ensemble import RandomForestClassifier as Forest",
        "Forest(10, random_state=0, n_jobs=2).fit(X, y).predict(X)",
        id="forest-two-jobs",
    ),
    pytest.param(
        "sklearn",
        DATA + "from sklearn.model_selection import GridSearchCV\nfrom sklearn.tree import ExtraTreeClassifier as Tree",
        "GridSearchCV(Tree(random_state=0), {'max_depth': [1, 2]}, cv=2).fit(X, y)",
        id="grid-search",
    ),
    pytest.param(
        "sklearn",
        DATA + "from sklearn.linear_model import SGDClassifier",
        "SGDClassifier(random_state=0, max_iter=5, tol=None).fit(X, y)",
        id="sgd",
    ),
    pytest.param(
        "sklearn",
        DATA
        + "from sklearn.decomposition import PCA\nfrom sklearn.pipeline import make_pipeline\n"
        + "from sklearn.linear_model import LogisticRegression\nfrom sklearn.model_selection import cross_val_score",
        "cross_val_score(make_pipeline(PCA(2, random_state=1), LogisticRegression(random_state=2)), X, y, cv=2)",
        id="pipeline",
    ),
    pytest.param(
        "sklearn",
        DATA + "from sklearn.ensemble import HistGradientBoostingClassifier as HGB",
        "HGB(max_iter=3, random_state=0).fit(X, y)",
        id="boosting",
    ),
    pytest.param(
        "joblib",
        "from joblib import Memory",
        "cached = Memory(folder / 'cache', verbose=0).cache(sum)\ncached([1, 2])\ncached([1, 2])",
        id="joblib-memory",
    ),
    pytest.param(
        "tempfile",
        "import shutil, tempfile",
        "with tempfile.NamedTemporaryFile(), tempfile.TemporaryDirectory(): pass\nshutil.rmtree(tempfile.mkdtemp())",
        id="tempfile",
    ),
    pytest.param(
        "logging",
        "import logging",
        "logging.getLogger('x').warning('%s', 1)\nlogging.FileHandler(folder / 'log').close()",
        id="logging",
    ),
    pytest.param("torch", TORCH, LOADER.format(workers=0), id="loader"),
    pytest.param("torch", TORCH, LOADER.format(workers=1), id="loader-worker"),
    pytest.param(
        "torch",
        TORCH,
        "torch.manual_seed(0)\nmodel = nn.Linear(3, 1)\nopt = torch.optim.SGD(model.parameters(), lr=0.1)\n"
        "model(torch.ones(2, 3)).sum().backward()\nopt.step()",
        id="torch-training",
    ),
    pytest.param(
        "pandas",
        "import pandas as pd",
        "frame = pd.DataFrame({'a': [1, 2, 2]})\nframe.sample(2, random_state=1)\nframe.groupby('a').size()\n"
        "frame.to_csv(folder / 'x.csv')\npd.read_csv(folder / 'x.csv')",
        id="pandas",
    ),
    pytest.param(
        "matplotlib",
        "import matplotlib\nmatplotlib.use('agg')\nimport matplotlib.pyplot as plt",
        "figure, axes = plt.subplots()\naxes.plot([1, 2])\nfigure.savefig(folder / 'x.png')\nplt.close(figure)",
        id="matplotlib",
    ),
    pytest.param(
        "concurrent",
        "import numpy as np\nfrom concurrent.futures import ThreadPoolExecutor",
        "with ThreadPoolExecutor(2) as pool:\n    list(pool.map(np.random.default_rng, [1, 2, 3]))",
        id="threads",
    ),
    pytest.param(
        "multiprocessing",
        "import multiprocessing, queue, threading",
        "multiprocessing.Queue().close()\nthread = threading.Thread(target=int)\nthread.start()\nthread.join()",
        id="multiprocessing",
    ),
    pytest.param("numpy", "import numpy as np", "np.random.RandomState(42)", id="RandomState-42"),
    pytest.param("numpy", "import numpy as np", "s = 7\nnp.random.RandomState(seed=s)", id="RandomState-keyword"),
    pytest.param("numpy", "from numpy.random import RandomState as R", "R(1 + 1).normal()", id="RandomState-alias"),
    pytest.param(
        "numpy",
        "import numpy as np\nclass Model:\n    def __init__(self): self.seed = 3",
        "model = Model()\nnp.random.RandomState(\n    model.seed,\n)",
        id="RandomState-attribute",
    ),
    pytest.param("random", "import random", "random.Random(1)\nrandom.seed(2)\nrandom.random()", id="random-seeded"),
    pytest.param(
        "copy",
        "import copy, pickle, random\nimport numpy as np",
        "for rng in (random.Random(1), np.random.default_rng(1), np.random.RandomState(1)):\n"
        "    copy.deepcopy(rng)\n    pickle.loads(pickle.dumps(rng))",
        id="copies-of-generators",
    ),
    pytest.param("os", "import os", "names = sorted(os.listdir(folder))", id="sorted-listdir"),
    pytest.param("os", "import os", "sorted(f'x{n}' for n in os.listdir(folder))", id="sorted-generator"),
    pytest.param(
        "os", "import os", "for _ in sorted(folder.glob('*')):\n    len(os.listdir(folder))", id="sorted-glob"
    ),
    pytest.param("os", "", "paths = sorted([p for p in folder.iterdir() if p.suffix])", id="sorted-comprehension"),
]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("needs", "head", "body"), INNOCENT)
def test_nothing_is_reported(needs: str, head: str, body: str, program: Program, tmp_path: Path) -> None:
    pytest.importorskip(needs)
    module = program(body, head)
    assert watch(module, tmp_path) == ()


def test_ids_that_a_library_makes_for_itself_are_not_reported(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "site-packages"
    library.mkdir()
    (library / "installed_library_of_ids.py").write_text("import uuid\ndef new():\n    return uuid.uuid4()\n")
    monkeypatch.syspath_prepend(str(library))
    assert watch(program("lib.new()", "import installed_library_of_ids as lib"), tmp_path) == ()


def test_state_that_a_library_makes_at_its_import_is_not_reported(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "site-packages"
    library.mkdir()
    (library / "installed_library_with_rng.py").write_text("import random\nrng = random.Random()\n")
    monkeypatch.syspath_prepend(str(library))
    assert watch(program("import installed_library_with_rng"), tmp_path) == ()
