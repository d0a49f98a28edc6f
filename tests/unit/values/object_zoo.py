"""Objects as users have them, by library: what is made twice in the same way must mean the same."""

from __future__ import annotations

import argparse
import collections
import configparser
import dataclasses
import functools
import inspect
import ipaddress
import json
import logging
import operator
import statistics
import string
import typing
import zoneinfo
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["LIBRARIES", "objects_of"]

X = np.random.RandomState(0).rand(40, 3)
Y = X @ np.arange(1.0, 4.0) + np.random.RandomState(1).rand(40)

Makers = dict[str, Callable[[], Any]]


class Settings:
    """What tests and training scripts keep: a logger, sets, something computed once."""

    def __init__(self) -> None:
        self.log = logging.getLogger("zoo")
        self.names = {"a", "b", "c", "d"}
        self.by_set = {frozenset({"u", "v"}): {"x", "y"}}
        self.rng = np.random.default_rng(0)

    @functools.cached_property
    def sizes(self) -> list[int]:
        return sorted(map(len, self.names))

    def method(self) -> int:
        return 1


def _standard() -> Makers:
    return {
        "object": Settings,
        "bound method": lambda: Settings().method,
        "partial": lambda: functools.partial(Settings.method, Settings()),
        "lambda with a set": lambda: lambda x: x in {"a", "b", "c"},
        "objects as keys": lambda: {Settings(): 1, Settings(): 2},
        "namespace": lambda: argparse.Namespace(a={"x", "y"}),
        "parser": lambda: argparse.ArgumentParser(prog="p"),
        "configuration": configparser.ConfigParser,
        "chain of maps": lambda: collections.ChainMap({"a": 1}, {"b": {"x", "y"}}),
        "network": lambda: ipaddress.ip_network("10.0.0.0/8"),
        "zone": lambda: zoneinfo.ZoneInfo("Europe/Berlin"),
        "signature": lambda: inspect.signature(sorted),
        "getters": lambda: [operator.itemgetter("a"), operator.attrgetter("a.b"), operator.methodcaller("a", 1)],
        "types": lambda: [list[int], int | None, typing.Any, type(None)],
        "normal": lambda: statistics.NormalDist(1.0, 2.0),
        "template": lambda: string.Template("$x"),
        "fields": lambda: dataclasses.fields(dataclasses.make_dataclass("D", [("x", int)])),
        "modules": lambda: {"modules": [json, np]},
        "vectorized": lambda: np.vectorize(float),
        "polynomial": lambda: [np.poly1d([1.0, 2.0]), np.polynomial.Chebyshev([1.0, 2.0])],
        "seed": lambda: np.random.SeedSequence(3).spawn(2),
    }


def _scipy() -> Makers:
    import scipy.interpolate as si
    import scipy.optimize as so
    import scipy.signal as sg
    import scipy.spatial as sp
    import scipy.stats as st

    grid = np.arange(20.0)

    def square(x: Any) -> float:
        return float((x**2).sum())

    return {
        "interp1d": lambda: si.interp1d(X[:, 0], Y, kind="cubic"),
        "cubic": lambda: si.CubicSpline(grid, grid**2),
        "smoothing": lambda: si.UnivariateSpline(np.sort(X[:, 0]), Y),
        "basis": lambda: si.make_interp_spline(grid, grid),
        "radial": lambda: si.RBFInterpolator(X, Y),
        "simplices": lambda: si.LinearNDInterpolator(X, Y),
        "regular grid": lambda: si.RegularGridInterpolator((np.arange(3.0), np.arange(3.0)), np.eye(3)),
        "surface": lambda: si.RectBivariateSpline(np.arange(4.0), np.arange(4.0), np.eye(4)),
        "barycentric": lambda: si.BarycentricInterpolator(np.arange(5.0), np.arange(5.0)),
        "distribution": lambda: [st.norm, st.gamma(a=2.0), st.rv_histogram(np.histogram(Y))],
        "multivariate": lambda: [st.multivariate_normal([0, 0], np.eye(2)), st.dirichlet([1.0, 2.0])],
        "density": lambda: st.gaussian_kde(X.T),
        "tests": lambda: [st.ttest_ind(X[:, 0], Y), st.linregress(X[:, 0], Y), st.f_oneway(X[:, 0], X[:, 1])],
        "bootstrap": lambda: st.bootstrap((Y,), np.mean, n_resamples=20, random_state=0),
        "low discrepancy": lambda: st.qmc.Sobol(2, seed=0),
        "trees": lambda: [sp.cKDTree(X), sp.KDTree(X)],
        "hulls": lambda: [sp.Delaunay(X), sp.ConvexHull(X), sp.Voronoi(X)],
        "rotation": lambda: sp.transform.Rotation.from_euler("xyz", X),
        "minima": lambda: [
            so.minimize(square, [1.0, 2.0], method=name) for name in ("BFGS", "L-BFGS-B", "trust-constr")
        ],
        "programs": lambda: [so.linprog([1, 2], A_ub=[[1, 1]], b_ub=[3]), so.milp([1, 2], bounds=(0, 3))],
        "system": lambda: sg.lti([1.0], [1.0, 2.0]),
    }


def _statsmodels() -> Makers:
    import statsmodels.api as sm

    groups = np.arange(40) % 4
    return {
        "OLS": lambda: sm.OLS(Y, X).fit(),
        "GLM": lambda: sm.GLM(Y, X).fit(),
        "RLM": lambda: sm.RLM(Y, X).fit(),
        "GEE": lambda: sm.GEE(Y, X, groups=groups).fit(),
        "MixedLM": lambda: sm.MixedLM(Y, X, groups=groups).fit(),
        "Logit": lambda: sm.Logit((Y.mean() < Y).astype(int), X).fit(disp=0),
        "QuantReg": lambda: sm.QuantReg(Y, X).fit(),
        "ARIMA": lambda: sm.tsa.ARIMA(Y, order=(1, 0, 0)).fit(),
        "smoothing": lambda: sm.tsa.ExponentialSmoothing(Y).fit(),
        "VAR": lambda: sm.tsa.VAR(X).fit(1),
    }


def _sklearn() -> Makers:
    from sklearn import (
        cluster,
        compose,
        ensemble,
        gaussian_process,
        linear_model,
        model_selection,
        neural_network,
        pipeline,
        preprocessing,
        svm,
    )

    kernels = gaussian_process.kernels
    labels = (Y.mean() < Y).astype(int)
    scaled = ("scale", preprocessing.StandardScaler())
    columns = compose.ColumnTransformer([(*scaled, [0, 1])], remainder="passthrough")
    kernel = kernels.ConstantKernel() * kernels.RBF([1.0, 1.0, 1.0]) + kernels.WhiteKernel(0.1)
    forests = [ensemble.RandomForestClassifier, ensemble.ExtraTreesClassifier, ensemble.GradientBoostingClassifier]
    stack = [("forest", forests[0](n_estimators=2, random_state=0)), ("linear", linear_model.LogisticRegression())]
    search = {"n_iter": 2, "random_state": 0, "cv": 3}
    return {
        "columns": lambda: pipeline.make_pipeline(columns, linear_model.Ridge()).fit(X, Y),
        "forests": lambda: [forest(n_estimators=2, random_state=0).fit(X, labels) for forest in forests],
        "histograms": lambda: ensemble.HistGradientBoostingClassifier(max_iter=2, random_state=0).fit(X, labels),
        "isolation": lambda: ensemble.IsolationForest(n_estimators=2, random_state=0).fit(X),
        "stack": lambda: ensemble.StackingClassifier(stack, cv=3).fit(X, labels),
        "process": lambda: gaussian_process.GaussianProcessRegressor(kernel, random_state=0).fit(X, Y),
        "clusters": lambda: [
            cluster.KMeans(2, n_init=1, random_state=0).fit(X),
            cluster.Birch(threshold=0.1).fit(X),
            cluster.HDBSCAN(copy=True).fit(X),
        ],
        "network": lambda: neural_network.MLPClassifier(max_iter=2, random_state=0).fit(X, labels),
        "machine": lambda: svm.SVC().fit(X, labels),
        "search": lambda: model_selection.RandomizedSearchCV(linear_model.Ridge(), {"alpha": [1.0, 2.0]}, **search).fit(
            X, Y
        ),
    }


def _torch() -> Makers:
    import torch

    def network() -> Any:
        torch.manual_seed(0)
        return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Dropout(0.2))

    def trained(cls: Any, schedule: Any = None, **arguments: Any) -> Any:
        model = network()
        optimiser = cls(model.parameters(), **arguments)
        scheduler = schedule(optimiser) if schedule is not None else None
        for _ in range(2):
            model(torch.ones(4, 3)).sum().backward()
            optimiser.step()
            if scheduler is not None:
                scheduler.step()
        return scheduler or optimiser

    optim, rates = torch.optim, torch.optim.lr_scheduler
    data = torch.utils.data
    seeded = torch.Generator().manual_seed(1)
    return {
        "network": network,
        "scripted": lambda: torch.jit.script(network()),
        "averaged": lambda: optim.swa_utils.AveragedModel(network()),
        "normed": lambda: torch.nn.utils.parametrizations.weight_norm(network()[0]),
        "optimisers": lambda: [trained(cls, lr=0.1) for cls in (optim.SGD, optim.AdamW, optim.RMSprop, optim.Adagrad)],
        "rates": lambda: [
            trained(optim.SGD, lambda o: rates.LambdaLR(o, lambda epoch: 0.9**epoch), lr=0.1),
            trained(optim.SGD, lambda o: rates.OneCycleLR(o, 0.1, 10), lr=0.1, momentum=0.9),
            trained(optim.SGD, lambda o: rates.SequentialLR(o, [rates.ConstantLR(o), rates.StepLR(o, 1)], [1]), lr=0.1),
        ],
        "scaler": lambda: torch.amp.GradScaler("cpu"),
        "loader": lambda: data.DataLoader(data.TensorDataset(torch.ones(4)), shuffle=True, generator=seeded),
        "distribution": lambda: torch.distributions.MultivariateNormal(torch.zeros(2), torch.eye(2)),
        "storage": lambda: torch.ones(2).untyped_storage(),
        "sequence": lambda: torch.nn.utils.rnn.pack_sequence([torch.ones(2)]),
    }


LIBRARIES: dict[str, Callable[[], Makers]] = {
    "standard": _standard,
    "scipy": _scipy,
    "statsmodels": _statsmodels,
    "sklearn": _sklearn,
    "torch": _torch,
}


def objects_of(library: str) -> dict[str, Any]:
    """Return new objects of `library` by name."""
    return {name: make() for name, make in LIBRARIES[library]().items()}
