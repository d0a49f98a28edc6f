"""What the interpreter was before any conftest or test changed it: how a worker must start.

Imported first thing by the plugin, as pytest-xdist does for its workers.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["ARGV", "SEARCH_PATH", "environment_of", "keep_environment"]

#: where modules were looked for
SEARCH_PATH: Final = tuple(sys.path)
#: the command that was given
ARGV: Final = tuple(sys.argv)

#: attribute of pytest's config, which a node of a cluster has none of
_KEPT = "_repro_environment"


def keep_environment(config: Any) -> None:
    """Note the variables of a session before its conftests are loaded: a worker loads them, too, and adds its own."""
    setattr(config, _KEPT, dict(os.environ))


def environment_of(config: Any) -> Mapping[str, str]:
    """The variables with which the session started; those of now where our plugin came too late to see them."""
    kept: Mapping[str, str] = getattr(config, _KEPT, os.environ)
    return kept
