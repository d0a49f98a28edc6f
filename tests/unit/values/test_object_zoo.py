"""Objects of all kinds, made anew in a process with another hash seed and other leavings in its memory, mean the same.

By default the standard library's and scipy's; ``PYTEST_REPRO_NIGHTLY=1`` also makes those that take longer.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from pytest_repro.values import canonical, fingerprint
from tests.unit.values.meaning import assert_well_formed, differing
from tests.unit.values.object_zoo import LIBRARIES, objects_of

pytestmark = pytest.mark.filterwarnings("ignore")

NIGHTLY = os.environ.get("PYTEST_REPRO_NIGHTLY") == "1"
SHOWN = list(LIBRARIES) if NIGHTLY else ["standard", "scipy"]


@pytest.mark.parametrize("library", SHOWN)
def test_objects_made_in_another_process_mean_the_same(library: str) -> None:
    if library != "standard":
        pytest.importorskip(library)
    here = {name: canonical(value) for name, value in objects_of(library).items()}
    for name, value in objects_of(library).items():
        assert_well_formed(here[name])
        assert not differing(here[name], canonical(value)), name
    # MALLOC_PERTURB_ (glibc) fills what is allocated: arrays that nobody filled have another content there
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "4711",
        "MALLOC_PERTURB_": "171",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    program = (
        "import json; from tests.unit.values.object_zoo import objects_of; from pytest_repro.values import *;"
        f"print(json.dumps({{name: fingerprint(canonical(value)) for name, value in objects_of({library!r}).items()}}))"
    )
    command = [sys.executable, "-W", "ignore", "-c", program]
    answer = subprocess.run(command, env=environment, capture_output=True, check=True, text=True)
    assert json.loads(answer.stdout) == {name: fingerprint(node) for name, node in here.items()}
