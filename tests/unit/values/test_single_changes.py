"""One change of any kind, anywhere, in values of every row of docs/values.md: never equal, and found where it is.

The change is drawn: which element, which of its bits, which key, label, dtype or shape. ``PYTEST_REPRO_NIGHTLY=1``
draws a thousand of each. Models are in test_model_changes.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_repro.model import LeafDifference
from tests.unit.values.single_changes import (
    NUMBERS,
    REAL,
    another,
    changes,
    drawn,
    elements,
    flipped,
    only,
    randoms,
    shape_of,
)

# --- arrays -----------------------------------------------------------------------------------


@drawn
@given(rng=randoms, dtype=st.sampled_from([*NUMBERS, "bool", "M8[ns]", "m8[s]", "S3", "V4"]))
def test_numpy_array(rng: Random, dtype: str) -> None:
    shape = shape_of(rng)
    data = elements(rng, dtype, shape) if dtype != "bool" else elements(rng, "uint8", shape) > 127
    if dtype == "S3":  # a zero at the end is no part of the text
        data = np.char.replace(data, b"\0", b"x").astype("S3")
        data = np.where(np.char.str_len(data) == 3, data, b"abc").astype("S3")
        other = data.copy()
        index = tuple(rng.randrange(n) for n in shape)
        other[index] = b"xyz" if data[index] != b"xyz" else b"xya"
    else:
        other, index = flipped(rng, data)
    if dtype[:2] in ("M8", "m8") and np.isnat(data[index]) and np.isnat(other[index]):
        return
    assert only(data, other) == ("", index)
    assert only({"a": [data]}, {"a": [other]}) == ("['a'][0]", index)
    (leaf,) = changes(data, data.reshape(-1, 1, 1, 1))
    assert leaf.what == "shape"
    if dtype in NUMBERS:
        with np.errstate(all="ignore"):
            (leaf,) = changes(data.real, data.real.astype(another(rng, REAL, data.real.dtype.name)))
        assert leaf.what == "dtype"


@drawn
@given(rng=randoms)
def test_structured_and_masked_array(rng: Random) -> None:
    data = np.zeros(3, [("a", "f8"), ("b", "i4"), ("c", "u1")])
    other = data.copy()
    field, row = rng.choice("abc"), rng.randrange(3)
    other[field][row] = 1
    assert only(data, other) == (f"['{field}']", (row,))
    masked, hidden = (np.ma.array([1.0, 2.0, 3.0], mask=[i == place for i in range(3)]) for place in (3, row))
    assert any(leaf.stats and leaf.stats.first_index == (row,) for leaf in changes(masked, hidden))


@drawn
@given(rng=randoms, draws=st.integers(1, 700))
def test_generators(rng: Random, draws: int) -> None:
    seed = rng.randrange(2**32)
    for make in (np.random.default_rng, np.random.RandomState, Random):
        generator = make(seed)
        drawn_from: Any = copy.deepcopy(generator)
        for _ in range(draws):
            drawn_from.random()
        assert changes(generator, drawn_from)


TORCH = ["float16", "bfloat16", "float32", "float64", "float8_e4m3fn", "float8_e5m2", "complex64", "int8", "uint8",
         "int16", "int32", "int64"]  # fmt: skip


@drawn
@given(rng=randoms, dtype=st.sampled_from(TORCH))
def test_torch_tensor(rng: Random, dtype: str) -> None:
    torch = pytest.importorskip("torch")
    kind, shape = getattr(torch, dtype), shape_of(rng)
    raw = elements(rng, "uint8", (*shape[:-1], shape[-1] * kind.itemsize))
    while True:
        other, index = flipped(rng, raw)
        x, y = (torch.from_numpy(bits.copy()).view(kind) for bits in (raw, other))
        index = (*index[:-1], index[-1] // kind.itemsize)
        both = (z[index].to(torch.complex128 if kind.is_complex else torch.float64) for z in (x, y))
        if not all(bool(z.isnan()) for z in both):
            break
        raw = elements(rng, "uint8", raw.shape)
    assert only(x, y) == ("", index)
    assert changes(x, x.view(-1, 1, 1, 1))
    other_dtype = "complex128" if kind.is_complex else another(rng, TORCH, dtype)
    assert changes(x, x.to(getattr(torch, other_dtype)))
    if kind.is_floating_point and not dtype.startswith("float8"):
        assert changes(x, x.clone().requires_grad_())


@drawn
@given(rng=randoms)
def test_torch_module_state_and_optimiser(rng: Random) -> None:
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2), torch.nn.Linear(2, 1))
    optimiser = torch.optim.Adam(model.parameters())
    model(torch.arange(12.0).view(4, 3)).sum().backward()
    optimiser.step()
    name, tensor = rng.choice(list(model.state_dict().items()))
    index = tuple(rng.randrange(n) for n in tensor.shape)
    other = copy.deepcopy(model)
    other.state_dict()[name][index] += 1
    assert only(model.state_dict(), other.state_dict()) == (f"['{name}']", index)
    layer, _, attribute = name.partition(".")
    assert only(model, other) == (f"[{layer}].{attribute}", index)
    state = copy.deepcopy(optimiser.state_dict())
    number, key = rng.randrange(len(state["state"])), rng.choice(["exp_avg", "exp_avg_sq", "step"])
    index = tuple(rng.randrange(n) for n in state["state"][number][key].shape)
    state["state"][number][key][index] += 1
    assert only(optimiser.state_dict(), state) == (f"['state'][{number}]['{key}']", index)


@drawn
@given(rng=randoms, dtype=st.sampled_from(["float32", "int32", "bfloat16", "uint8"]))
def test_jax_array(rng: Random, dtype: str) -> None:
    jax = pytest.importorskip("jax")
    shape = (2, 3)  # each further one is compiled anew
    data = jax.numpy.asarray(np.arange(np.prod(shape)).reshape(shape) % 100, dtype)
    index = tuple(rng.randrange(n) for n in shape)
    assert only(data, data.at[index].add(1)) == ("", index)
    assert changes(data, data.reshape(3, 2))
    assert changes(data, data.astype(another(rng, ["float32", "int32", "bfloat16", "uint8"], dtype)))


# --- tables -----------------------------------------------------------------------------------

#: a column of each kind, and another value for its cells
COLUMNS: dict[str, tuple[list[Any], Any]] = {
    "number": ([0.5, 1.5, 2.5], -7.0),
    "count": ([1, 2, 3], 9),
    "text": (["x", "y", "z"], "w"),
    "flag": ([True, False, True], None),
}


def changed_cells(rng: Random) -> tuple[str, int, dict[str, list[Any]], dict[str, list[Any]]]:
    name, row = rng.choice(list(COLUMNS)), rng.randrange(3)
    before = {key: list(cells) for key, (cells, _) in COLUMNS.items()}
    after = {key: list(cells) for key, cells in before.items()}
    after[name][row] = not after[name][row] if name == "flag" else COLUMNS[name][1]
    return name, row, before, after


def is_at(leaf: LeafDifference, path: str, row: int) -> bool:
    """Whether a leaf is the cell of a column: of its array, or of its items."""
    if leaf.stats is not None and leaf.stats.first_index:
        return leaf.path.startswith(path) and leaf.stats.first_index == (row,)
    return leaf.path.startswith(path) and leaf.path.endswith(f"[{row}]")


def check_table(rng: Random, make: Callable[[dict[str, list[Any]]], Any]) -> None:
    name, row, before, after = changed_cells(rng)
    (leaf,) = changes(make(before), make(after))
    assert is_at(leaf, f"['{name}']", row)
    renamed = {("other" if key == name else key): cells for key, cells in before.items()}
    assert any("['other']" in leaf.path for leaf in changes(make(before), make(renamed)))
    turned = dict(reversed(before.items()))
    assert changes(make(before), make(turned))
    shorter = {key: cells[:-1] for key, cells in before.items()}
    assert any(leaf.what in ("shape", "length") for leaf in changes(make(before), make(shorter)))


@drawn
@given(rng=randoms)
def test_pandas_frame(rng: Random) -> None:
    pd = pytest.importorskip("pandas")
    check_table(rng, pd.DataFrame)
    name, row, before, _ = changed_cells(rng)
    frame = pd.DataFrame(before)
    other = {"number": "float32", "count": "int32", "text": "category", "flag": "int8"}[name]
    assert all(leaf.path.startswith(f"['{name}']") for leaf in changes(frame, frame.astype({name: other})))
    labels = [f"row {i}" for i in range(3)]
    moved = [*labels[:row], "elsewhere", *labels[row + 1 :]]
    assert only(frame.set_axis(labels), frame.set_axis(moved))[0] == f".index.values[{row}]"
    noted = frame.copy()
    noted.attrs["note"] = row
    assert all(".attrs" in leaf.path for leaf in changes(frame, noted))
    assert only(frame[name], frame[name].rename("other"))[0] == ".name"


@drawn
@given(rng=randoms, kind=st.sampled_from(["Int64", "Float64", "boolean", "string", "category", "datetime64[ns, UTC]"]))
def test_pandas_extension_column(rng: Random, kind: str) -> None:
    pd = pytest.importorskip("pandas")
    cells: dict[str, list[Any]] = {"boolean": [True, False, True], "string": list("xyz"), "category": list("xyz")}
    column = pd.Series(cells.get(kind, [1, 2, 3]), dtype=kind)
    row = rng.randrange(3)
    other = column.copy()
    other.iloc[row] = column.iloc[(row + 1) % 3] if kind != "boolean" else not column.iloc[row]
    assert all(is_at(leaf, "", row) for leaf in changes(column, other))
    missing = column.copy()
    missing.iloc[row] = None
    assert any(is_at(leaf, "", row) or leaf.path for leaf in changes(column, missing))


@drawn
@given(rng=randoms)
def test_polars_frame(rng: Random) -> None:
    pl = pytest.importorskip("polars")
    check_table(rng, pl.DataFrame)
    name, row, before, _ = changed_cells(rng)
    frame = pl.DataFrame(before)
    other = {"number": pl.Float32, "count": pl.Int32, "text": pl.Categorical, "flag": pl.Int8}[name]
    assert all(leaf.path.startswith(f"['{name}']") for leaf in changes(frame, frame.cast({name: other})))
    gone = pl.DataFrame({**before, name: [None if i == row else cell for i, cell in enumerate(before[name])]})
    assert all(leaf.path.startswith(f"['{name}']") for leaf in changes(frame, gone))


@drawn
@given(rng=randoms)
def test_arrow_table(rng: Random) -> None:
    pa = pytest.importorskip("pyarrow")
    check_table(rng, pa.table)
    name, row, before, _ = changed_cells(rng)
    gone = {**before, name: [None if i == row else cell for i, cell in enumerate(before[name])]}
    assert all(leaf.path.startswith(f"['{name}']") for leaf in changes(pa.table(before), pa.table(gone)))
    noted = pa.table(before).replace_schema_metadata({"note": str(row)})
    assert all("schema" in leaf.path for leaf in changes(pa.table(before), noted))


# --- models, graphs, images -------------------------------------------------------------------


@drawn
@given(rng=randoms, layout=st.sampled_from(["csr", "csc", "coo"]))
def test_sparse_matrix(rng: Random, layout: str) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    dense = np.zeros((4, 5))
    cells = rng.sample(range(20), 6)
    dense.flat[cells] = np.arange(1.0, 7.0)
    matrix = sparse.csr_array(dense).asformat(layout)
    other = matrix.copy()
    at = rng.randrange(other.data.size)
    other.data[at] += 0.5
    assert only(matrix, other) == (".data", (at,))
    dense.flat[rng.choice([i for i in range(20) if i not in cells])] = 1.0
    assert changes(matrix, sparse.csr_array(dense).asformat(layout))
    assert changes(matrix, matrix.astype("float32"))
    assert only(matrix, matrix.asformat(another(rng, ["csr", "csc", "coo"], layout)))[0] == ""


@pytest.fixture(scope="module")
def fitted() -> Any:
    pytest.importorskip("sklearn")
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    x = np.random.default_rng(0).normal(size=(30, 4))
    y = (x[:, 0] > 0).astype(int)
    steps = [("scale", StandardScaler()), ("clf", LogisticRegression())]
    return Pipeline(steps).fit(x, y), RandomForestClassifier(3, random_state=0).fit(x, y)


@drawn
@given(rng=randoms)
def test_scikit_learn_estimator(rng: Random, fitted: Any) -> None:
    pipeline, forest = fitted
    name, attribute = rng.choice([("scale", "mean_"), ("scale", "scale_"), ("clf", "coef_"), ("clf", "intercept_")])
    other = copy.deepcopy(pipeline)
    data, index = flipped(rng, getattr(other.named_steps[name], attribute))
    setattr(other.named_steps[name], attribute, data)
    assert only(pipeline, other) == (f".named_steps['{name}'].{attribute}", index)
    parameter = copy.deepcopy(pipeline).set_params(clf__C=rng.choice([0.5, 2.0]))
    assert only(pipeline, parameter)[0] == ".named_steps['clf'].C"
    grown = copy.deepcopy(forest)
    tree = rng.randrange(3)
    grown.estimators_[tree].tree_.value[0, 0, 0] += 1
    (leaf,) = changes(forest, grown)
    assert leaf.path.startswith(f".estimators_[{tree}].tree_")


@drawn
@given(rng=randoms)
def test_graph(rng: Random) -> None:
    networkx = pytest.importorskip("networkx")
    graph = networkx.gnm_random_graph(6, 7, seed=rng.randrange(2**32))
    networkx.set_edge_attributes(graph, 1.0, "weight")
    networkx.set_node_attributes(graph, "x", "label")
    (a, b), node = rng.choice(list(graph.edges)), rng.choice(list(graph.nodes))
    heavier, named, without, more = (copy.deepcopy(graph) for _ in range(4))
    heavier.edges[a, b]["weight"] = 2.0
    named.nodes[node]["label"] = "y"
    without.remove_edge(a, b)
    more.add_node("new", label="x")
    assert only(graph, heavier)[0] == f".edges[{a}][{b}]['weight']"
    assert only(graph, named)[0] == f".nodes[{node}]['label']"
    assert [leaf.path for leaf in changes(graph, without)] == [f".edges[{a}][{b}]"]
    assert ".nodes['new']" in [leaf.path for leaf in changes(graph, more)]


@drawn
@given(rng=randoms, mode=st.sampled_from(["RGB", "L", "RGBA", "I", "F"]))
def test_image(rng: Random, mode: str) -> None:
    image = pytest.importorskip("PIL.Image")
    width, height = rng.randint(1, 5), rng.randint(1, 5)
    picture = image.new(mode, (width, height))
    x, y = rng.randrange(width), rng.randrange(height)
    other = picture.copy()
    other.putpixel((x, y), 1 if mode in ("L", "I", "F") else tuple([1] * len(mode)))
    path, index = only(picture, other)
    assert (path, index[:2]) == (".pixels", (y, x))
    assert changes(picture, image.new(mode, (width + 1, height)))
    assert changes(picture, picture.convert("L" if mode != "L" else "RGB"))


# --- files ------------------------------------------------------------------------------------


@drawn
@given(rng=randoms, suffix=st.sampled_from([".npy", ".npz", ".json"]))
def test_file(rng: Random, suffix: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("files")
    data = np.arange(12.0).reshape(3, 4)
    other, index = flipped(rng, data)
    if suffix == ".json":
        same = other.view(np.uint64) == data.view(np.uint64)  # a zero of the other sign is a change
        other = np.where(same, data, -1.0)  # any number has a text

    def written(name: str, content: Any) -> Path:
        path = folder / f"{name}{suffix}"
        if suffix == ".json":
            path.write_text(json.dumps({"a": content.tolist()}))
        elif suffix == ".npz":
            np.savez(path, a=content)
        else:
            np.save(path, content)
        return path

    (leaf,) = changes(written("one", data), written("two", other))
    inner = {".npy": "", ".npz": "['a']", ".json": f"['a'][{index[0]}]"}[suffix]
    at = leaf.stats.first_index if leaf.stats is not None else ()
    expected = (index[1],) if suffix == ".json" and at else index
    assert inner in leaf.path
    assert at in (expected, ())
