"""What is looked at: distributions and variables, told apart by whether they can change numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_repro.model import EnvField

__all__ = ["NUMERIC_DISTRIBUTIONS", "NUMERIC_VARIABLES", "SHOWN_VARIABLES", "numeric", "shown"]

#: distributions whose version can change numbers
NUMERIC_DISTRIBUTIONS = (
    "numpy",
    "scipy",
    "scikit-learn",
    "pandas",
    "polars",
    "pyarrow",
    "numexpr",
    "numba",
    "joblib",
    "torch",
    "torchvision",
    "torchaudio",
    "lightning",
    "transformers",
    "xgboost",
    "lightgbm",
    "catboost",
    "jax",
    "jaxlib",
    "flax",
    "tensorflow",
    "keras",
    "cupy",
    "statsmodels",
)
#: variables that can change numbers
NUMERIC_VARIABLES = (
    "PYTHONHASHSEED",
    "OMP_NUM_THREADS",
    "OMP_DYNAMIC",
    "OMP_PROC_BIND",
    "OPENBLAS_NUM_THREADS",
    "OPENBLAS_CORETYPE",
    "MKL_NUM_THREADS",
    "MKL_CBWR",
    "MKL_DYNAMIC",
    "MKL_ENABLE_INSTRUCTIONS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "BLIS_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
    "NPY_DISABLE_CPU_FEATURES",
    "NPY_ENABLE_CPU_FEATURES",
    "ATEN_CPU_CAPABILITY",
    "ONEDNN_MAX_CPU_ISA",
    "DNNL_MAX_CPU_ISA",
    "GLIBC_TUNABLES",
    "MALLOC_PERTURB_",
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_LAUNCH_BLOCKING",
    "CUDA_VISIBLE_DEVICES",
    "NVIDIA_TF32_OVERRIDE",
    "TF_DETERMINISTIC_OPS",
    "TF_CUDNN_DETERMINISTIC",
    "TF_ENABLE_ONEDNN_OPTS",
    "XLA_FLAGS",
    "JAX_ENABLE_X64",
    "JAX_PLATFORMS",
)
#: variables that are shown only
SHOWN_VARIABLES = ("TZ", "LC_ALL", "LANG", "PYTHONUTF8", "VIRTUAL_ENV", "CONDA_DEFAULT_ENV", "CI")


def shown(name: str, value: object) -> EnvField:
    """Make a field that only describes."""
    from pytest_repro.model import EnvField

    return EnvField(name, str(value), numeric=False)


def numeric(name: str, value: object) -> EnvField:
    """Make a field that can change numbers."""
    from pytest_repro.model import EnvField

    return EnvField(name, str(value), numeric=True)
