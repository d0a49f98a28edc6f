"""numpy: what everything else is made of."""

import numpy as np
import pytest

OPERATIONS = {
    "sum": lambda A: A.sum(),
    "dot": lambda A: A.ravel() @ A.ravel()[::-1],
    "matmul": lambda A: A.T @ A / len(A),
    "matmul_float32": lambda A: A.T.astype("float32") @ A.astype("float32") / len(A),
    "exp": np.exp,
    "sin": np.sin,
    "std": lambda A: A.std(axis=0),
    "solve": lambda A: np.linalg.solve(A.T @ A / len(A), A[0]),
    "lstsq": lambda A: np.linalg.lstsq(A, A[:, 0] / 2 + A[:, 1], rcond=None)[0],
    "svd": lambda A: np.linalg.svd(A, full_matrices=False)[0],
    "eigh": lambda A: np.linalg.eigh(A.T @ A / len(A))[1],
    "argsort_ties": lambda A: np.argsort(np.floor(A[:, 0])),
    "argsort_stable": lambda A: np.argsort(np.floor(A[:, 0]), kind="stable"),
    "multivariate_normal": lambda A: np.random.default_rng(0).multivariate_normal(A[0, :5], np.eye(5) + 0.5, 100),
}


@pytest.mark.repro
@pytest.mark.parametrize("name", OPERATIONS)
def test_operation(repro, X, name):
    A = X + np.abs(X) / 3  # no longer exact, or there would be nothing to round
    repro.artifact("output", OPERATIONS[name](A))
