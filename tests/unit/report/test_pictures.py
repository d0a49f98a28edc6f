from __future__ import annotations

import base64
import math
import re
import struct
import xml.etree.ElementTree as ET
import zlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_repro.report.page import heat, series, svg
from tests.builders import make_drift, make_heat, make_series

NAN = math.nan


def chart_of(*runs: tuple[float, ...], steps: tuple[int, ...] | None = None) -> series.Chart:
    data = tuple((number, steps or tuple(range(len(run))), run) for number, run in enumerate(runs, start=1))
    chart = series.make_chart(make_drift(series=data), {})
    assert chart
    return chart


def test_distances_are_blank_where_there_is_none_and_zero_where_equal() -> None:
    chart = chart_of((1.0, NAN, NAN, 2.0, math.inf), (1.0, NAN, 1.0, 2.5, 1.0))
    assert chart.lines[1].deltas == (0.0, 0.0, None, 0.5, None)
    assert chart.first == 2


def test_runs_are_aligned_on_their_steps() -> None:
    data = ((1, (0, 2, 4), (0.0, 2.0, 4.0)), (2, (0, 4, 6), (0.0, 5.0, 6.0)))
    chart = series.make_chart(make_drift(series=data), {})
    assert chart
    assert chart.steps == (0, 2, 4, 6)
    assert chart.lines[1].values == (0.0, None, 5.0, 6.0)
    assert chart.lines[1].deltas == (0.0, None, 1.0, None)
    assert chart.first == 2, "a missing step is a difference"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param((), id="none"),
        pytest.param(((1, (0, 1), (1.0, 2.0)),), id="one-run"),
        pytest.param(((1, (3,), (1.0,)), (2, (3,), (2.0,))), id="one-step"),
        pytest.param(((1, (0, 10**400), (1.0, 2.0)), (2, (0,), (1.0,))), id="astronomic-step"),
    ],
)
def test_what_is_no_series_has_no_chart(data: tuple[tuple[int, tuple[int, ...], tuple[float, ...]], ...]) -> None:
    assert series.make_chart(make_drift(series=data), {}) is None


def test_of_many_runs_those_that_differ_are_drawn() -> None:
    equal = [(0.0, 1.0)] * 20
    chart = chart_of(*equal, (0.0, 2.0))
    assert (len(chart.lines), chart.lines[0].name, chart.lines[-1].name, chart.left_out) == (12, "run 1", "run 21", 9)


def test_a_run_is_called_by_its_name_and_no_name_is_markup() -> None:
    drift = make_drift(series=((0, (0, 1), (1.0, 2.0)), (1, (0, 1), (1.0, 3.0))))
    chart = series.make_chart(drift, {0: "</text><script>", 1: "a name that is longer than there is room for"})
    assert chart
    text = "".join(ET.fromstring(svg.render_svg(chart, label="x")).itertext())
    assert "|Δ| from </text><script>" in text
    assert "a name that is longer t…" in text


def test_thinning_keeps_ends_first_difference_and_peaks() -> None:
    values = [0.0] * 10_000
    values[7_321] = 5.0
    values[4_711] = 1e-9
    chart = series.thin(chart_of(tuple([0.0] * 10_000), tuple(values)), 100)
    assert len(chart.steps) <= 110
    assert {0, 4_710, 4_711, 7_321, 9_999} <= set(chart.steps)
    assert max(delta or 0 for delta in chart.lines[1].deltas) == 5.0
    assert chart.first == 4_711


def test_a_short_series_is_not_thinned() -> None:
    chart = chart_of((0.0, 1.0), (0.0, 2.0))
    assert series.thin(chart, 10) is chart


@settings(max_examples=80, deadline=None)
@example([(1.7e308, 1.7e308)] * 2, 0)
@example([(5e-324, 5e-324), (0.0, 5e-324)], 0)
@example([(-1.7e308, 1.7e308), (1.7e308, -1.7e308)], 0)
@example([(0.0, 0.0), (0.0, 9.999999999999347e307)], 0)
@given(st.lists(st.tuples(st.floats(), st.floats()), min_size=2, max_size=20), st.integers(-(2**53), 2**53 - 20))
def test_every_series_can_be_drawn_as_valid_svg(pairs: list[tuple[float, float]], start: int) -> None:
    reference, other = zip(*pairs, strict=True)
    chart = chart_of(reference, other, steps=tuple(range(start, start + len(pairs))))
    picture = svg.render_svg(series.thin(chart, 8), label="a &lt; b")
    assert ET.fromstring(picture).tag == "svg"
    assert "style" not in picture
    assert "class" not in picture
    assert "nan" not in picture


def test_equal_steps_leave_a_gap_and_a_lone_point_is_a_dot() -> None:
    picture = svg.render_svg(chart_of((1.0,) * 7, (1.0, 2.0, 1.0, 2.0, 3.0, 1.0, 1.0)), label="x")
    paths = re.findall(rf'<path d="([^"]*)"[^>]*stroke="{svg.COLOURS[0]}"', picture)
    distance = paths[1]
    assert distance.count("M") == 2, "two stretches, between them equality"
    assert re.match(r"M\d+ \d+h0M", distance)


def test_runs_differ_by_dashes_not_by_colour_alone() -> None:
    picture = svg.render_svg(chart_of((0.0, 1.0), (0.0, 2.0), (0.0, 3.0)), label="x")
    looks = set(re.findall(r'stroke="(#\w+)" stroke-width="2"( stroke-dasharray="[^"]*")?', picture))
    assert len({dash for _, dash in looks}) == 2


def decode_png(uri: str) -> list[list[int]]:
    raw = base64.b64decode(uri.removeprefix("data:image/png;base64,"))
    assert raw[:8] == b"\x89PNG\r\n\x1a\n"
    at, body, width = 8, b"", 0
    while at < len(raw):
        (length,) = struct.unpack(">I", raw[at : at + 4])
        kind, data = raw[at + 4 : at + 8], raw[at + 8 : at + 8 + length]
        assert struct.unpack(">I", raw[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + data)
        width = struct.unpack(">I", data[:4])[0] if kind == b"IHDR" else width
        body += data if kind == b"IDAT" else b""
        at += 12 + length
    pixels = zlib.decompress(body)
    return [list(pixels[row + 1 : row + 1 + width]) for row in range(0, len(pixels), width + 1)]


def test_equal_bits_are_grey_and_larger_is_darker() -> None:
    pixels = decode_png(heat.data_uri(((None, 1e-6, 1e-3), (NAN, 1e-4, math.inf))))
    assert pixels[0][0] == 0, "equal"
    assert pixels[1][0] == pixels[1][2] == 1, "bits differ, no finite distance"
    assert 2 == pixels[0][1] < pixels[1][1] < pixels[0][2] == 65


def test_a_heat_map_of_one_size_is_drawn() -> None:
    assert decode_png(heat.data_uri(((1e-6, 1e-6),))) == [[65, 65]]
    assert decode_png(heat.data_uri(((None, 0.0),))) == [[0, 1]]


def test_coarser_blocks_show_their_worst_cell() -> None:
    grid = ((None, None, 1.0), (None, None, 2.0), (None, NAN, None))
    upper, lower = heat.coarsen(grid, 2)
    assert upper == (None, 2.0)
    assert lower[0] is not None
    assert math.isnan(lower[0])
    assert lower[1] is None
    assert heat.coarsen(grid, 3) is grid
    assert heat.coarsen(((None,) * 100,), 10) == ((None,) * 10,)


def test_logarithms_are_short_and_blank_without_distance() -> None:
    assert heat.logarithms(((None, 1e-3, 0.0, NAN, math.inf, 2e-5),)) == [[None, -3.0, None, None, None, -4.7]]


def test_builders_give_what_they_promise() -> None:
    runs = make_series(runs=3, steps=10, first=3)
    assert runs[0][2] == runs[1][2]
    assert runs[0][2][:3] == runs[2][2][:3]
    assert runs[0][2][3] != runs[2][2][3]
    assert {len(row) for row in make_heat(5, 7)} == {7}
