from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytest_repro.errors import ValueTypeError
from pytest_repro.values import canonical
from tests.unit.values.meaning import assert_differ, assert_same, notes


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
