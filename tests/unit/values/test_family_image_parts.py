"""What images and figures consist of, how a figure is drawn, and which parts of one are refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pytest_repro.errors import ValueTypeError
from pytest_repro.values import images
from pytest_repro.values.images import canonical
from tests.unit.values.outline import outline, seen


def at(path: str) -> Any:
    """Return a class of the user's below one that stands at `path`."""
    module, _, name = path.rpartition(".")
    return type("Mine", (type(name, (SimpleNamespace,), {"__module__": module}),), {"__module__": "mine"})


def parts(value: object) -> list[str]:
    return outline(canonical(value, seen))


def test_what_is_no_image_is_left_to_others() -> None:
    for path in ("PIL.ImageFont.Font", "matplotlib.ticker.Locator"):
        assert canonical(at(path)(), seen) is None


# --- images -----------------------------------------------------------------------------------

HEAD = "PIL.Image.Image without info (metadata of the image)"


@pytest.fixture(scope="module")
def pil() -> Any:
    return pytest.importorskip("PIL.Image")


def test_an_image_is_its_mode_size_and_pixels(pil: Any) -> None:
    image = pil.fromarray(np.array([[1, 2, 3]], np.uint8))
    image.info["other"] = 1
    assert parts(image) == [
        HEAD,
        ".mode 'L'",
        ".size tuple (sequence)",
        ".size[0] 3",
        ".size[1] 1",
        ".pixels numpy.ndarray uint8 [[1, 2, 3]]",
    ]
    image.info["transparency"] = 2
    assert parts(image)[5:] == [
        ".info['transparency'] \"2 at .info['transparency']\"",
        ".pixels numpy.ndarray uint8 [[1, 2, 3]]",
    ]


def test_pixels_are_shown_in_the_order_of_this_machine(pil: Any) -> None:
    image = pil.fromarray(np.array([[1, 256]], ">u2"))
    node: Any = canonical(image, seen)
    pixels = node.items[-1]
    assert pixels.data.dtype.isnative
    assert pixels.data.tolist() == [[1, 256]]


@pytest.mark.parametrize(
    ("colours", "mode", "shown"),
    [
        ([1, 2, 3, 4, 5, 6], "RGB", [1, 2, 3, 4, 5, 6]),
        ([1, 2, 3, 4, 5, 6, 7, 8], "RGBA", [1, 2, 3, 4, 5, 6, 7, 8]),
    ],
)
def test_a_palette_is_its_colours_and_how_opaque_they_are(pil: Any, colours: Any, mode: str, shown: Any) -> None:
    for kind in ("P", "PA"):
        image = pil.new(kind, (1, 1))
        image.putpalette(colours, mode)
        assert parts(image)[5] == f".palette numpy.ndarray uint8 {shown} owned"


def test_an_image_without_a_palette_has_an_empty_one() -> None:
    def getpalette(mode: str) -> Any:
        assert mode == "RGB"

    class Image:
        mode, size, palette, info = "P", (1, 1), None, {"a": 1}
        __array_interface__ = np.zeros((1, 1), np.uint8).__array_interface__

    image: Any = Image()
    image.getpalette = getpalette
    assert outline(images._image(image, seen))[5] == ".palette numpy.ndarray uint8 [] owned"


# --- figures ----------------------------------------------------------------------------------


class Figure:
    """As a figure of matplotlib, drawn by the canvas of `canvas_of`."""

    dpi = np.float64(50)

    def __init__(self, layout: object = None) -> None:
        self.canvas: object = "the canvas before"
        self.layout = layout
        self.drawn: list[object] = []

    def get_layout_engine(self) -> object:
        return self.layout

    def set_canvas(self, canvas: object) -> None:
        self.canvas = canvas


class Uncopied(Figure):
    def __deepcopy__(self, memo: object) -> Any:
        raise TypeError


class Copied(Figure):
    def __deepcopy__(self, memo: object) -> Any:
        made = Copied(self.layout)
        made.drawn = self.drawn
        made.copy = True  # type: ignore[attr-defined]
        return made


class Canvas:
    """As matplotlib's: takes the place of the canvas of a figure."""

    def __init__(self, figure: Any) -> None:
        self.figure = figure
        figure.canvas = self

    def draw(self) -> None:
        self.figure.drawn.append(self.figure)
        if self.figure.layout == "fails":
            raise RuntimeError("cannot be drawn")

    def buffer_rgba(self) -> Any:
        return memoryview(bytes([1, 2, 3, 4])).cast("B", (1, 1, 4))


@pytest.fixture
def drawn_by_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    backend: Any = pytest.importorskip("matplotlib.backends.backend_agg")
    monkeypatch.setattr(backend, "FigureCanvasAgg", Canvas)


@pytest.mark.usefixtures("drawn_by_ours")
@pytest.mark.parametrize(
    ("make", "layout", "copy"), [(Copied, None, False), (Copied, "tight", True), (Uncopied, "tight", False)]
)
def test_a_figure_is_what_it_draws_and_one_that_arranges_itself_is_copied(
    make: Any, layout: str | None, copy: bool
) -> None:
    figure = make(layout)
    assert outline(images._figure(figure)) == [
        f"{__name__}.{make.__name__} without everything that leaves no trace in the drawn pixels",
        ".dpi 50.0",
        ".pixels numpy.ndarray uint8 [[[1, 2, 3, 4]]] owned",
    ]
    assert [hasattr(drawn, "copy") for drawn in figure.drawn] == [copy]
    assert figure.canvas == "the canvas before"


@pytest.mark.usefixtures("drawn_by_ours")
def test_a_figure_that_cannot_be_drawn_keeps_its_canvas() -> None:
    figure = Uncopied("fails")
    with pytest.raises(RuntimeError, match="cannot be drawn"):
        images._figure(figure)
    assert figure.canvas == "the canvas before"


def test_a_real_figure_is_known() -> None:
    cls: Any = pytest.importorskip("matplotlib.figure").Figure
    node: Any = canonical(cls(figsize=(0.1, 0.1), dpi=50), seen)
    assert node.type == "matplotlib.figure.Figure"
    assert node.keys == (".dpi", ".pixels")
    assert node.items[1].shape == (5, 5, 4)


def test_a_part_of_a_figure_is_refused() -> None:
    with pytest.raises(ValueTypeError) as caught:
        canonical(at("matplotlib.artist.Artist")(), seen)
    assert str(caught.value) == (
        "cannot compare a mine.Mine by meaning: it is drawn only as part of a figure; record its figure: `ax.figure`"
    )


def test_a_colour_map_is_its_attributes_without_the_table_that_drawing_makes() -> None:
    value = at("matplotlib.colors.Colormap")(b=1, a=2, _isinit=True, _lut=[1])
    assert parts(value) == ["mine.Mine", ".a '2 at .a'", ".b '1 at .b'"]


def test_who_looks_on_is_not_part_of_a_value() -> None:
    value = at("matplotlib.cbook.CallbackRegistry")()
    assert parts(value) == ["matplotlib.cbook.CallbackRegistry callbacks"]
