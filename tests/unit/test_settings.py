"""Reading options: precedence, sources, parsers and their messages."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from pytest_repro.errors import SettingsError
from pytest_repro.model import Tolerance
from pytest_repro.settings import MARKER_KEYS, OPTIONS, Settings, Source, excluded, parse_tolerance, resolve


def read(**given: dict[str, object]) -> Settings:
    return resolve(command_line=given.get("command_line", {}), ini=given.get("ini", {}), marker=given.get("marker", {}))


@pytest.mark.parametrize(
    ("given", "value", "source"),
    [
        pytest.param({}, 1, Source.DEFAULT, id="default"),
        pytest.param({"ini": {"runs": "2"}}, 2, Source.INI, id="ini"),
        pytest.param({"ini": {"runs": "2"}, "marker": {"runs": 3}}, 3, Source.MARKER, id="marker"),
        pytest.param(
            {"ini": {"runs": "2"}, "marker": {"runs": 3}, "command_line": {"runs": "4"}},
            4,
            Source.COMMAND_LINE,
            id="command line",
        ),
        pytest.param({"ini": {"runs": "2"}, "command_line": {"runs": "1"}}, 1, Source.COMMAND_LINE, id="as default"),
    ],
)
def test_later_source_wins_and_is_remembered(given: dict[str, dict[str, object]], value: int, source: Source) -> None:
    settings = read(**given)
    assert (settings.runs, settings.source("runs")) == (value, source)
    assert settings.source("seed") is Source.DEFAULT


def test_every_option_is_a_field_and_the_other_way_round() -> None:
    names = [option.name for option in OPTIONS]
    assert len(set(names)) == len(names)
    assert set(names) == {entry.name for entry in fields(Settings)} - {"sources"}


def test_every_option_can_be_given_somewhere_and_says_what_it_does() -> None:
    for option in OPTIONS:
        assert option.command_line or option.ini or option.marker
        assert option.help.strip().endswith(".")
        assert option.flag == "--" + option.key.replace("_", "-")
    assert {option.name for option in OPTIONS if option.marker} == set(MARKER_KEYS)


def test_defaults_read_as_they_are_given() -> None:
    """What the default is must not depend on whether it is spelled out."""
    for option in OPTIONS:
        default = getattr(Settings(), option.name)
        if isinstance(default, int | float | str) and default != "":
            assert getattr(read(marker={}, command_line={option.name: str(default)}), option.name) == default


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("runs", "12", 12),
        ("seed", 2**70, 2**70),
        ("rtol", "1e-6", 1e-6),
        ("atol", 0, 0.0),
        ("ulp", "0", 0),
        ("isolation", "process", "process"),
        ("vary", "threads, timezone,threads", ("threads", "timezone")),
        ("vary", ["files"], ("files",)),
        ("vary", "", ()),
        ("strict", "true", True),
        ("strict", "NO", False),
        ("strict", False, False),
        ("preload", "torch\nsklearn.svm\n", ("torch", "sklearn.svm")),
        ("tolerance", ["loss*: rtol=1e-6, ulp=4", ""], (("loss*", Tolerance(rtol=1e-6, ulp=4)),)),
        ("tolerance", "a: atol=1\nb: ulp=2", (("a", Tolerance(atol=1.0)), ("b", Tolerance(ulp=2)))),
    ],
)
def test_good_values(name: str, text: object, value: object) -> None:
    assert getattr(read(ini={name: text}), name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("runs", 0),
        ("runs", True),
        ("runs", 2.0),
        ("runs", "2.0"),
        ("runs", None),
        ("seed", -1),
        ("rtol", -0.1),
        ("rtol", "nan"),
        ("rtol", float("inf")),
        ("rtol", True),
        ("rtol", [1]),
        ("ulp", 0.5),
        ("isolation", "Inline"),
        ("isolation", ["inline"]),
        ("vary", "moon"),
        ("vary", 3),
        ("vary", [3]),
        ("strict", "maybe"),
        ("strict", 1),
        ("json", 3),
        ("md", ""),
        ("html", " "),
        ("record", ""),
        ("against", ""),
        ("against_env", ""),
        ("mlflow", ""),
        ("tolerance", ["loss"]),
        ("tolerance", [": rtol=1"]),
        ("tolerance", ["loss: "]),
        ("tolerance", ["loss: rtol"]),
        ("tolerance", ["loss: rtol=x"]),
        ("tolerance", ["loss: xtol=1"]),
        ("tolerance", ["loss: ulp=1.5"]),
    ],
)
def test_bad_values_name_option_and_value(name: str, value: object) -> None:
    with pytest.raises(SettingsError, match=f"ini option repro_{name}: "):
        read(ini={name: value})


def test_message_names_the_place() -> None:
    with pytest.raises(SettingsError, match=re.escape("--repro-session-budget: expected a finite number")):
        read(command_line={"session_budget": "x"})
    with pytest.raises(SettingsError, match=re.escape("t.py::test_a: @pytest.mark.repro, runs=: ")):
        resolve(command_line={}, ini={}, marker={"runs": 0}, where="t.py::test_a: @pytest.mark.repro")
    with pytest.raises(SettingsError, match=r"unknown argument a, runz; the marker takes runs, seed, "):
        read(marker={"runz": 1, "a": 2})


@pytest.mark.parametrize(
    ("given", "name", "tolerance"),
    [
        pytest.param({}, "loss", Tolerance(), id="none"),
        pytest.param({"ini": {"tolerance": "l*: ulp=2\nloss: ulp=9"}}, "loss", Tolerance(ulp=2), id="first that fits"),
        pytest.param({"ini": {"tolerance": "L*: ulp=2"}}, "loss", Tolerance(), id="case counts"),
        pytest.param({"ini": {"tolerance": "l*: ulp=2", "rtol": "1"}}, "loss", Tolerance(ulp=2), id="special in ini"),
        pytest.param({"ini": {"tolerance": "l*: ulp=2", "rtol": "1"}}, "acc", Tolerance(rtol=1.0), id="general in ini"),
        pytest.param(
            {"ini": {"tolerance": "l*: ulp=2"}, "marker": {"rtol": 1}}, "loss", Tolerance(rtol=1.0), id="marker"
        ),
        pytest.param(
            {"ini": {"tolerance": "l*: ulp=2"}, "command_line": {"rtol": "0"}}, "loss", Tolerance(), id="exact"
        ),
    ],
)
def test_tolerance_of_a_name(given: dict[str, dict[str, object]], name: str, tolerance: Tolerance) -> None:
    assert read(**given).tolerance_for(name) == tolerance


def test_tolerance_line_keeps_colons_and_stars_of_the_pattern_out_of_the_numbers() -> None:
    assert parse_tolerance(" model.coef_[*] : rtol = 1e-3 , atol=0.5") == (
        "model.coef_[*]",
        Tolerance(rtol=1e-3, atol=0.5),
    )


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ({"runs": 10**9}, "at most 1,000,000, got 1000000000"),
        ({"seed": 10**5000}, "at most 300 digits, got a number of thousands of digits"),
        ({"rtol": 10**400}, "finite number that is not negative, got 1000"),
        ({"rtol": 10**5000}, "got a number of thousands of digits"),
    ],
)
def test_numbers_of_no_use_are_refused_in_words(marker: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        resolve(command_line={}, ini={}, marker=marker)


def test_a_set_of_names_has_an_order() -> None:
    names = {"timezone", "environ", "locale", "files"}
    settings = resolve(command_line={}, ini={}, marker={"vary": names})
    assert settings.vary == tuple(sorted(names))


@pytest.mark.parametrize("value", [[1], [None], {"a": 1}, 5, [["loss: rtol=1"]]])
def test_tolerances_that_are_no_text_are_refused(value: object) -> None:
    with pytest.raises(SettingsError, match="expected one pattern a line"):
        resolve(command_line={}, ini={"tolerance": value})


@pytest.mark.parametrize(
    ("pattern", "out"),
    [
        ("t/test_a.py::test_x[1-b]", True),
        ("t/test_a.py::test_x", True),
        ("t/test_a.py", True),
        ("t", True),
        ("t/*", True),
        ("*::test_x*", True),
        ("t/test_?.py", True),
        ("t/test_a.py::test_", False),
        ("test_a.py", False),
        ("t/test_a.py::test_x[1]", False),
        ("t/test_[ab].py", False),
    ],
)
def test_pattern_fits_a_test_or_what_it_belongs_to(pattern: str, out: bool) -> None:
    assert excluded("t/test_a.py::test_x[1-b]", [pattern]) is out
