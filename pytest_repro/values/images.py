"""Images and figures by their pixels: PIL images and what matplotlib draws."""

from __future__ import annotations

import contextlib
import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_repro.model import Array, Atom
from pytest_repro.values.family import fields, refuse, sequence, type_name

if TYPE_CHECKING:
    from pytest_repro.model import Branch, Node
    from pytest_repro.values.family import Field, Walk

__all__ = ["canonical"]


def canonical(value: object, walk: Walk) -> Node | None:
    """Return the canonical form of an image or figure, or None if another rule applies."""
    names = {type_name(cls) for cls in type(value).__mro__}
    if "PIL.Image.Image" in names:
        return _image(value, walk)
    if "matplotlib.figure.Figure" in names:
        return _figure(value)
    if "matplotlib.artist.Artist" in names:
        raise refuse(value, why="it is drawn only as part of a figure", instead="record its figure: `ax.figure`")
    if "matplotlib.colors.Colormap" in names:  # its table is made when it is first drawn with
        kept = {name: item for name, item in sorted(vars(value).items()) if name not in ("_isinit", "_lut")}
        return fields(type_name(type(value)), [(f".{name}", walk(item, f".{name}")) for name, item in kept.items()])
    if "matplotlib.cbook.CallbackRegistry" in names:  # who looks on; to read it would count up its next number
        return Atom("matplotlib.cbook.CallbackRegistry", "callbacks")
    return None


def _image(image: Any, walk: Walk) -> Branch:
    """Return a PIL image by mode, size, pixels, palette and transparency; the rest of ``info`` is not compared."""
    pixels = np.asarray(image)
    parts: list[Field] = [(".mode", image.mode), (".size", sequence("tuple", image.size))]
    if image.mode in ("P", "PA"):
        kept = image.palette.mode if image.palette is not None else "RGB"  # "RGBA" keeps how opaque a colour is
        palette = np.array(image.getpalette(kept) or [], dtype=np.uint8)
        parts.append((".palette", Array("numpy.ndarray", "uint8", palette.shape, palette, owned=True)))
    if "transparency" in image.info:  # which colour or index is not drawn
        parts.append((".info['transparency']", walk(image.info["transparency"], ".info['transparency']")))
    native = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    parts.append((".pixels", Array("numpy.ndarray", native.dtype.name, native.shape, native)))
    return fields("PIL.Image.Image", parts, ["info (metadata of the image)"])


def _figure(figure: Any) -> Branch:
    """Return a figure by the pixels that matplotlib's Agg renderer draws at the figure's own resolution.

    What arranges axes moves them each time that a figure is drawn: then a copy is drawn, if there can be one.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = figure.canvas
    try:
        drawn = FigureCanvasAgg(figure)  # takes the place of a canvas that pyplot would register once more for a copy
        if figure.get_layout_engine() is not None:
            with contextlib.suppress(TypeError):  # an artist of the user's may hold what cannot be copied
                drawn = FigureCanvasAgg(copy.deepcopy(figure))
        drawn.draw()
        pixels = np.array(drawn.buffer_rgba(), dtype=np.uint8)
    finally:
        figure.set_canvas(canvas)
    parts: list[Field] = [
        (".dpi", float(figure.dpi)),
        (".pixels", Array("numpy.ndarray", "uint8", pixels.shape, pixels, owned=True)),
    ]
    return fields(type_name(type(figure)), parts, ["everything that leaves no trace in the drawn pixels"])
