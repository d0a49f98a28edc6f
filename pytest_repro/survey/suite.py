"""Where the surveyed suite is, and which of its libraries this interpreter has."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from pytest_repro.errors import SettingsError

__all__ = ["from_checkout", "libraries", "library_of", "suite_folder"]

_PACKAGE = Path(__file__).parents[1]
#: a wheel has the suite as data of the package (see pyproject.toml), a checkout beside it
_SHIPPED = _PACKAGE / "survey_suite"
_CHECKOUT = _PACKAGE.parent / "examples" / "survey"
#: module of a library where it is not called like the library
_MODULES = {"scikit-learn": "sklearn"}


def from_checkout() -> bool:
    """Whether the package runs from a checkout or an editable installation."""
    return not _SHIPPED.is_dir()


def suite_folder() -> Path:
    """Find the suite.

    Raises:
        SettingsError: this installation has none.
    """
    folder = _CHECKOUT if from_checkout() else _SHIPPED
    if not any(folder.glob("test_*.py")):
        msg = f"this installation of pytest-repro has no suite to survey at {folder}; install it from a wheel"
        raise SettingsError(msg)
    return folder


def library_of(path: str) -> str:
    """``test_scikit_learn.py`` → ``scikit-learn``: a file of the suite is named after its library."""
    return Path(path).stem.removeprefix("test_").replace("_", "-")


def libraries() -> tuple[tuple[str, ...], dict[str, str]]:
    """The libraries of the suite: those that are installed; the others, with the command that installs them."""
    names = sorted(library_of(path.name) for path in suite_folder().glob("test_*.py"))
    missing = {name: f"pip install {name}" for name in names if not _installed(_MODULES.get(name, name))}
    return tuple(name for name in names if name not in missing), missing


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # a damaged installation
        return False
