"""A representative of every way in which scikit-learn keeps fitted state."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

__all__ = ["ZOO", "fitted"]

#: name -> (module, arguments, what it is fitted on)
ZOO: dict[str, tuple[str, dict[str, Any], str]] = {
    "LinearRegression": ("linear_model", {}, "xy"),
    "LogisticRegressionCV": ("linear_model", {"cv": 2, "Cs": 2}, "xy"),
    "SGDClassifier": ("linear_model", {"random_state": 0}, "xy"),
    "RidgeCV": ("linear_model", {}, "xy"),
    "RANSACRegressor": ("linear_model", {"random_state": 0}, "xt"),
    "LarsCV": ("linear_model", {"cv": 2}, "xt"),
    "DecisionTreeClassifier": ("tree", {"random_state": 0}, "xy"),
    "RandomForestRegressor": ("ensemble", {"n_estimators": 3, "random_state": 0}, "xt"),
    "ExtraTreesClassifier": ("ensemble", {"n_estimators": 3, "random_state": 0}, "xy"),
    "GradientBoostingClassifier": ("ensemble", {"n_estimators": 3, "random_state": 0}, "xy"),
    "HistGradientBoostingRegressor": ("ensemble", {"max_iter": 3, "random_state": 0}, "xt"),
    "HistGradientBoostingClassifier": ("ensemble", {"max_iter": 3, "random_state": 0}, "xy"),
    "AdaBoostClassifier": ("ensemble", {"n_estimators": 3, "random_state": 0}, "xy"),
    "BaggingRegressor": ("ensemble", {"n_estimators": 3, "random_state": 0}, "xt"),
    "IsolationForest": ("ensemble", {"n_estimators": 3, "random_state": 0}, "x"),
    "SVC": ("svm", {"probability": False}, "xy"),
    "LinearSVR": ("svm", {"random_state": 0}, "xt"),
    "OneClassSVM": ("svm", {}, "x"),
    "KNeighborsClassifier": ("neighbors", {"algorithm": "kd_tree"}, "xy"),
    "NearestNeighbors": ("neighbors", {"algorithm": "ball_tree"}, "x"),
    "KernelDensity": ("neighbors", {}, "x"),
    "LocalOutlierFactor": ("neighbors", {}, "x"),
    "GaussianNB": ("naive_bayes", {}, "xy"),
    "GaussianProcessRegressor": ("gaussian_process", {"random_state": 0}, "xt"),
    "MLPClassifier": ("neural_network", {"max_iter": 3, "random_state": 0}, "xy"),
    "BernoulliRBM": ("neural_network", {"n_iter": 2, "random_state": 0}, "x"),
    "KMeans": ("cluster", {"n_clusters": 2, "n_init": 1, "random_state": 0}, "x"),
    "Birch": ("cluster", {"n_clusters": None}, "x"),
    "DBSCAN": ("cluster", {"eps": 0.5}, "x"),
    "HDBSCAN": ("cluster", {"copy": True}, "x"),
    "GaussianMixture": ("mixture", {"random_state": 0}, "x"),
    "PCA": ("decomposition", {}, "x"),
    "LatentDirichletAllocation": ("decomposition", {"n_components": 2, "random_state": 0}, "x"),
    "TSNE": ("manifold", {"perplexity": 5, "random_state": 0, "max_iter": 250}, "x"),
    "Isomap": ("manifold", {}, "x"),
    "OneHotEncoder": ("preprocessing", {}, "c"),
    "SplineTransformer": ("preprocessing", {}, "x"),
    "PowerTransformer": ("preprocessing", {}, "x"),
    "KBinsDiscretizer": ("preprocessing", {"quantile_method": "averaged_inverted_cdf"}, "x"),
    "LabelEncoder": ("preprocessing", {}, "l"),
    "TfidfVectorizer": ("feature_extraction.text", {"stop_words": ["of"]}, "w"),
    "CalibratedClassifierCV": ("calibration", {"cv": 2, "method": "isotonic"}, "xy"),
    "IterativeImputer": ("impute", {"random_state": 0}, "m"),
    "KNNImputer": ("impute", {}, "m"),
    "RFECV": ("feature_selection", {"cv": 2}, "rfe"),
}


def fitted(name: str, *, shift: int = 0) -> Any:
    """Return the estimator called `name`, fitted on small data; another `shift`, other data."""
    module, arguments, data = ZOO[name]
    import sklearn.experimental.enable_iterative_imputer  # noqa: F401  makes IterativeImputer importable

    if data == "rfe":
        from sklearn.tree import DecisionTreeClassifier

        arguments, data = {**arguments, "estimator": DecisionTreeClassifier(random_state=0)}, "xy"
    estimator = getattr(importlib.import_module(f"sklearn.{module}"), name)(**arguments)
    return estimator.fit(*_data(data, np.random.RandomState(shift), shift))


def _data(kind: str, random: np.random.RandomState, shift: int) -> tuple[Any, ...]:
    x = random.rand(40, 4)
    labels = (x[:, 0] > 0.5).astype(int)
    words = [f"one of word{i % 3} word{i % 7 + shift}" for i in range(12)]
    missing = np.where(random.rand(40, 4) < 0.1, np.nan, x)
    data: dict[str, tuple[Any, ...]] = {
        "x": (x,),
        "xy": (x, labels),
        "xt": (x, x @ np.arange(4.0) + random.rand(40)),
        "c": ([[f"c{i % 3 + shift}"] for i in range(9)],),
        "l": ([f"c{i % 3 + shift}" for i in range(9)],),
        "w": (words,),
        "m": (missing,),
    }
    return data[kind]
