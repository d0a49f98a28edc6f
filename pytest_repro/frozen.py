"""What the interpreter was before any conftest or test changed it: how a worker must start.

Imported first thing by the plugin, as pytest-xdist does for its workers.
"""

from __future__ import annotations

import sys
from typing import Final

__all__ = ["ARGV", "SEARCH_PATH"]

#: where modules were looked for
SEARCH_PATH: Final = tuple(sys.path)
#: the command that was given
ARGV: Final = tuple(sys.argv)
