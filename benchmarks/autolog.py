"""What automatic observations cost: a small scikit-learn suite repeated three times, with and without them.

    python benchmarks/autolog.py [rounds]

The suite is one that exists in spirit in every repository: fits, predictions, scores, assertions. Both
arms repeat every test (``--repro-all --repro-runs=3``); they run in turn, each in a process of its own,
and what counts is the CPU time of the whole session with its children. Where valgrind is installed, sessions with all
runs in one process are counted in instructions besides: CPU time moves by ten in a hundred on a quiet machine. Prints
both arms and their ratio; the bar is 1.25.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

SUITE = """
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.cluster import KMeans
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

X, Y = make_classification(300, 12, n_informative=6, random_state=0)

@pytest.mark.parametrize("model", [
    LogisticRegression(), Ridge(), SVC(), KMeans(3, n_init=2, random_state=0), PCA(4),
    RandomForestClassifier(30, random_state=0), GradientBoostingClassifier(n_estimators=20, random_state=0),
], ids=lambda model: type(model).__name__)
def test_fit_is_stable(model):
    one = model.fit(X, Y)
    if hasattr(one, "predict"):
        assert_array_equal(one.predict(X), one.predict(X))
    if hasattr(one, "transform"):
        assert_allclose(one.transform(X), one.transform(X))

@pytest.mark.parametrize("depth", [1, 2, 3, None])
def test_accuracy(depth):
    forest = RandomForestClassifier(20, max_depth=depth, random_state=1).fit(X, Y)
    assert forest.score(X, Y) > 0.7
    assert_allclose(forest.predict_proba(X).sum(axis=1), 1.0)

def test_search():
    search = GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [0.1, 1]})
    search.fit(X, Y)
    assert search.best_score_ > 0.7

def test_cross_validation():
    assert cross_val_score(SVC(), X, Y, cv=3).mean() > 0.7

@pytest.mark.parametrize("n", range(8))
def test_small(n):
    assert Ridge(alpha=n + 1).fit(X, Y).predict(X[:2]).shape == (2,)
    assert np.isfinite(StandardScaler().fit_transform(X)).all()
"""


def executed(folder: Path, autolog: str, isolation: str, *, prefix: tuple[str, ...] = ()) -> str:
    """What one session wrote to standard error."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", "--repro-explain=off", "--repro-runs=3"]
    options += ["--repro-all", f"--repro-autolog={autolog}", f"--repro-isolation={isolation}"]
    command = [*prefix, sys.executable, "-m", "pytest", *options, str(folder)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return done.stderr


def seconds(folder: Path, autolog: str, isolation: str) -> float:
    """CPU time of one session, its children included."""
    before = os.times()
    executed(folder, autolog, isolation)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def instructions(folder: Path, autolog: str) -> int:
    """Instructions of one session with all runs in one process."""
    counter = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
    found = re.search(r"I +refs: +([\d,]+)", executed(folder, autolog, "inline", prefix=counter))
    if found is None:
        raise SystemExit("valgrind printed no count of instructions")
    return int(found[1].replace(",", ""))


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_suite.py").write_text(SUITE, encoding="utf-8")
        for isolation in ("inline", "auto"):
            times: dict[str, list[float]] = {"none": [], "auto": []}
            for arm in times:
                seconds(folder, arm, isolation)  # rewritten modules are cached from now on
            for _ in range(rounds):
                for arm, seen in times.items():
                    seen.append(seconds(folder, arm, isolation))
            plain, ours = median(times["none"]), median(times["auto"])
            print(
                f"isolation {isolation}: plain repeats {plain:.2f} s, with autolog {ours:.2f} s, "
                f"ratio {ours / plain:.2f} (minima {min(times['auto']) / min(times['none']):.2f})"
            )
        if shutil.which("valgrind") is not None:
            counts = [instructions(folder, arm) for arm in ("none", "auto")]
            print(f"isolation inline, instructions: ratio {counts[1] / counts[0]:.3f}")


if __name__ == "__main__":
    main()
