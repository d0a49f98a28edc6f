"""The table of meanings is complete: a row for every module, a test for every row."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_repro.values.files import _READERS
from pytest_repro.values.registry import FAMILIES

ROOT = Path(__file__).parents[3]
TABLE = (ROOT / "docs" / "values.md").read_text(encoding="utf-8")
ROWS = [line for line in TABLE.splitlines() if line.startswith("|") and line.endswith("` |")]

#: first cell of a row -> the tests that hold it, by file
TESTED = {
    "`None`, `bool`, `int`": "canonical::values_of_different_meaning properties::any_single_change",
    "dict, list, tuple, set": "properties::equal_values_are_identical properties::any_single_change",
    "dataclass, attrs, pydantic": "canonical::dataclass_fields canonical::attrs_and canonical::objects_are",
    "dask array": "objects::a_dask_collection",
    "any other object with": "objects::an_object_with_elements canonical::anything_with_an_array",
    "functions, methods": "canonical::functions_are_known canonical::values_of_different_meaning",
    "numpy array, scalar": "single_changes::numpy_array single_changes::structured single_changes::generators",
    "`torch.Tensor`": "single_changes::torch_tensor family_torch::tensor_is_its_bits",
    "sparse tensor": "family_torch::sparse_tensor family_torch::coordinate_tensor",
    "quantised tensor": "family_torch::quantised_tensor",
    "`nn.Module`": "single_changes::torch_module family_torch::module_is_its_state",
    "optimiser, LR scheduler": "single_changes::torch_module family_torch::optimiser_and_scheduler",
    "`torch.Generator`": "family_torch::generator family_torch::small_values",
    "jax array, random key": "single_changes::jax_array family_tensors::jax_keys",
    "tensorflow tensor": "family_tensorflow::tensor_is family_tensorflow::ragged family_tensorflow::sparse_tensor",
    "`tf.Module`": "family_tensorflow::module_is",
    "`tf.random.Generator`": "family_tensorflow::generator_is",
    "keras model, layer": "family_tensorflow::any_weight family_tensorflow::any_setting family_tensors::keras_model",
    "keras `SeedGenerator`": "family_tensorflow::keras_seed_generator",
    "cupy array": "model_changes::cupy_array family_tensors::elements_on_another_device",
    "`pandas.DataFrame`": "single_changes::pandas_frame family_pandas::block_layout family_pandas::attrs",
    "pandas index": "family_pandas::index_of_every_class family_pandas::unused_levels",
    "pandas columns of extension": "single_changes::pandas_extension family_pandas::array_of_every_kind",
    "`Timestamp`": "family_pandas::scalar_equals_itself",
    "`polars.DataFrame`": "single_changes::polars_frame family_polars::series_of_every_dtype family_polars::chunks",
    "`polars.LazyFrame`": "family_polars::lazy_frame",
    "pyarrow table": "single_changes::arrow_table family_arrow::array_of_every_type family_arrow::schema",
    "`xarray.DataArray`": "family_xarray::data_array family_xarray::dataset",
    "`scipy.sparse` matrix": "single_changes::sparse_matrix family_sparse::order_of family_sparse::explicit",
    "frozen distribution": "family_sparse::frozen_distribution",
    "`cKDTree`": "family_sparse::neighbour_tree",
    "`UnivariateSpline`": "family_sparse::spline_is family_sparse::time_of_an_optimisation",
    "scikit-learn estimator": "single_changes::scikit_learn family_sklearn::estimator_equals family_sklearn::timings",
    "pipeline, union": "single_changes::scikit_learn family_sklearn::paths_into",
    "decision tree": "single_changes::scikit_learn family_sklearn::tree_is_its_nodes",
    "k-d and ball trees": "family_sklearn::queries_do_not_change",
    "`Delaunay` and its like": "family_sparse::use_does_not",
    "statsmodels model": "family_statsmodels::results_are",
    "xgboost booster": "model_changes::xgboost_booster model_changes::label_and family_boosters::model_is_its_content",
    "lightgbm booster": "model_changes::lightgbm_booster model_changes::label_of family_boosters::lightgbm_booster",
    "catboost model": "model_changes::catboost_model family_boosters::catboost_model",
    "wrappers of boosters": "model_changes::parameter_of_a_wrapper family_boosters::unfitted_wrappers",
    "`networkx` graph": "single_changes::graph family_graphs::order_of_nodes family_graphs::class_attributes",
    "`PIL.Image`": "single_changes::image family_images::image_is family_images::palette",
    "`matplotlib` figure": "model_changes::every_pixel model_changes::what_is_drawn family_images::figure_is",
    "directory": "file_changes::directory family_files::directory_is",
    "`.txt .log": "file_changes::text family_files::text_is",
    "`.json`": "single_changes::file family_files::json_is family_files::json_with_a_duplicate",
    "`.npy`, `.npz`": "single_changes::file family_files::npy_is family_files::npz_is family_files::object_arrays",
    "`.safetensors`": "file_changes::safetensors family_files::safetensors_is",
    "`.zip`": "file_changes::archive family_files::zip_is",
    "`.pt`, `.pth`": "file_changes::archive family_files::torch_archive",
    "`.pkl`": "file_changes::bytes family_files::pickles",
    "`.parquet`": "file_changes::parquet family_files::parquet_is",
    "`.png`, `.jpg`": "file_changes::png family_files::images_are",
    "`.gz`": "file_changes::gzip family_files::gzip_time_stamp family_files::gzip_of_several",
    "anything else": "file_changes::bytes family_files::any_bytes",
}

#: modules that only hand on to others -> those others
_HANDS_ON = {"frames": ["frames_pandas", "frames_polars", "frames_arrow"]}


def _modules() -> list[str]:
    names = sorted({name.rpartition(".")[2] for name in FAMILIES.values()} | {"files", "extension_arrays"})
    return [target for name in names for target in _HANDS_ON.get(name, [name])]


@pytest.mark.parametrize("module", _modules())
def test_every_family_has_a_row(module: str) -> None:
    assert any(row.endswith(f"| `{module}` |") for row in ROWS)


def test_every_row_names_a_module_that_exists() -> None:
    assert len(ROWS) > 30
    for row in ROWS:
        module = row.rsplit("|", 2)[1].strip(" `")
        assert (ROOT / "pytest_repro" / "values" / f"{module}.py").is_file(), row


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:30])
def test_every_row_has_tests(row: str) -> None:
    (tests,) = (tests for start, tests in TESTED.items() if row.startswith(f"| {start}"))
    for test in tests.split():
        file, _, name = test.partition("::")
        (path,) = (path for path in Path(__file__).parent.glob("test_*.py") if path.stem.endswith(file))
        assert f"\ndef test_{name}" in path.read_text(encoding="utf-8"), test


@pytest.mark.parametrize("library", FAMILIES)
def test_every_library_is_mentioned(library: str) -> None:
    said = {"jaxlib": "jax", "_catboost": "catboost", "ml_dtypes": "float8", "sklearn": "scikit-learn", "PIL": "Pillow"}
    assert said.get(library, library) in TABLE


@pytest.mark.parametrize("suffix", _READERS)
def test_every_suffix_with_a_reader_of_its_own_is_mentioned(suffix: str) -> None:
    other_spelling = {".yml": ".yaml", ".cfg": ".ini", ".jpeg": ".jpg"}
    assert other_spelling.get(suffix, suffix) in TABLE
