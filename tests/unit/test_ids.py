"""Every test has a name of its own, the node id wherever that is one."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_repro.ids import own_id


def item(nodeid: str, path: str, *, root: str, module: str = "", name: str = "") -> Any:
    """What `own_id` looks at of a test."""
    name = name or nodeid.rpartition("::")[2]
    parent = SimpleNamespace(nodeid=nodeid.removesuffix(f"::{name}").partition(f"::{name}@")[0])
    return SimpleNamespace(
        nodeid=nodeid,
        name=name,
        parent=parent,
        path=Path(path),
        module=SimpleNamespace(__name__=module),
        config=SimpleNamespace(rootpath=Path(root)),
    )


@pytest.mark.parametrize(
    ("nodeid", "path", "root"),
    [
        ("tests/test_a.py::test_it", "/project/tests/test_a.py", "/project"),
        ("a/test_a.py::test_it", "/a/test_a.py", "/"),
    ],
)
def test_node_id_below_the_root_folder_is_kept(nodeid: str, path: str, root: str) -> None:
    assert own_id(item(nodeid, path, root=root, module="test_a")) == nodeid


def test_folder_that_begins_as_the_root_folder_is_another() -> None:
    assert own_id(item("::test_it", "/project-2/lib/test_a.py", root="/project", module="lib.test_a")) == (
        "lib/test_a.py::test_it"
    )


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("lib.tests.test_a", "lib/tests/test_a.py::test_it"),
        ("test_a", "test_a.py::test_it"),
        ("", "test_a.py::test_it"),
    ],
)
def test_test_elsewhere_is_named_by_its_module(module: str, expected: str) -> None:
    assert own_id(item("::test_it", "/site/lib/tests/test_a.py", root="/project", module=module)) == expected


def test_group_of_xdist_is_no_part_of_the_name() -> None:
    grouped = item("test_a.py::test_it@group", "/project/test_a.py", root="/project", name="test_it")
    assert own_id(grouped) == "test_a.py::test_it"
