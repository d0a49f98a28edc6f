from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytest_repro.errors import ValueTypeError
from pytest_repro.values import canonical
from tests.unit.values.meaning import assert_differ, assert_same, differing, notes


@pytest.fixture
def image() -> Any:
    pil = pytest.importorskip("PIL.Image")
    return pil.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I", "F", "HSV", "YCbCr"])
def test_image_is_its_mode_size_and_pixels(image: Any, mode: str) -> None:
    converted = image.convert(mode)
    assert_same(converted, converted.copy())
    changed = converted.copy()
    pixel = changed.getpixel((3, 3))
    changed.putpixel((3, 3), (pixel[0] ^ 1, *pixel[1:]) if isinstance(pixel, tuple) else 0 if pixel else 1)
    assert_differ(converted, changed, ".pixels")
    assert_differ(converted, converted.crop((0, 0, 3, 4)), ".size[0]")
    if mode != "RGB":
        assert_differ(converted, image, ".mode")


def test_palette_counts_and_info_does_not(image: Any) -> None:
    indexed = image.convert("P")
    recoloured = indexed.copy()
    recoloured.putpalette(list(reversed(indexed.getpalette())))
    assert_differ(indexed, recoloured, ".palette")
    described = image.copy()
    described.info["Software"] = "x"
    assert_same(image, described)
    assert notes(canonical(image)) == ["info (metadata of the image)"]


def _figure(height: float = 1.0, dpi: int = 50) -> Any:
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1, 1), dpi=dpi)
    figure.subplots().plot([0, 1], [0, height])
    return figure


def test_figure_is_what_it_draws() -> None:
    assert_same(_figure(), _figure())
    assert_differ(_figure(), _figure(2.0), ".pixels")
    assert_differ(_figure(), _figure(dpi=60), ".dpi")


def test_figure_keeps_its_canvas() -> None:
    figure = _figure()
    canvas = figure.canvas
    canonical(figure)
    assert figure.canvas is canvas


def test_part_of_a_figure_is_refused() -> None:
    with pytest.raises(ValueTypeError, match="record its figure"):
        canonical(_figure().axes[0])


def test_transparent_colour_counts(image: Any) -> None:
    for mode, colours in (("P", (3, 4)), ("L", (3, 4)), ("RGB", ((0, 1, 2), (3, 4, 5))), ("P", (b"\0\x80", b"\0\x81"))):
        one, other = (image.convert(mode) for _ in range(2))
        one.info["transparency"], other.info["transparency"] = colours
        assert_same(one, one.copy())
        assert any("transparency" in path for path in differing(canonical(one), canonical(other)))
        assert_differ(one, image.convert(mode))


def test_palette_counts_with_how_opaque_its_colours_are(image: Any) -> None:
    one, other = (image.convert("P") for _ in range(2))
    one.putpalette([1, 2, 3, 4] * 2, "RGBA")
    other.putpalette([1, 2, 3, 5] * 2, "RGBA")
    assert_same(one, one.copy())
    assert_differ(one, other, ".palette")


@pytest.mark.filterwarnings("ignore:This figure includes Axes")
@pytest.mark.parametrize("layout", ["constrained", "compressed", "tight"])
def test_to_record_a_figure_does_not_arrange_it_anew(layout: Any) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 2), dpi=50, layout=layout)
    axes = figure.subplots(2, 2)
    axes[0, 0].set_ylabel("a long label")
    figure.colorbar(axes[0, 1].imshow(np.eye(3)), ax=axes[:, 1])
    before = [ax.get_position(original=True).bounds for ax in figure.axes]
    first = canonical(figure)
    assert not differing(first, canonical(figure))
    assert [ax.get_position(original=True).bounds for ax in figure.axes] == before


def test_a_figure_of_pyplot_stays_the_only_one() -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    figure = pyplot.figure(layout="constrained", figsize=(1, 1))
    try:
        numbers = pyplot.get_fignums()
        canonical(figure)
        assert pyplot.get_fignums() == numbers
        assert pyplot.figure(figure.number) is figure
    finally:
        pyplot.close(figure)


def test_to_read_a_norm_does_not_change_it() -> None:
    colors = pytest.importorskip("matplotlib.colors")
    norm = colors.Normalize(0.0, 1.0)
    before = canonical(norm)
    assert not differing(before, canonical(norm))
    assert_same(norm, colors.Normalize(0.0, 1.0))
    assert_differ(norm, colors.Normalize(0.0, 2.0), "._vmax")


def test_use_does_not_change_a_colour_map() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    colours = matplotlib.colormaps["viridis"]
    before = canonical(colours)
    colours([0.5])
    assert not differing(before, canonical(colours))
    assert_differ(colours, matplotlib.colormaps["magma"])
