"""Images and figures by their pixels: PIL images and what matplotlib draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_repro.model import Array
from pytest_repro.values.family import fields, refuse, sequence, type_name

if TYPE_CHECKING:
    from pytest_repro.model import Branch, Node
    from pytest_repro.values.family import Field, Walk

__all__ = ["canonical", "image_node"]


def canonical(value: object, walk: Walk) -> Node | None:  # noqa: ARG001  the signature of all families
    """Return the canonical form of an image or figure, or None if another rule applies."""
    names = {type_name(cls) for cls in type(value).__mro__}
    if "PIL.Image.Image" in names:
        return image_node(value)
    if "matplotlib.figure.Figure" in names:
        return _figure(value)
    if "matplotlib.artist.Artist" in names:
        raise refuse(value, why="it is drawn only as part of a figure", instead="record its figure: `ax.figure`")
    return None


def image_node(image: Any) -> Branch:
    """Return a PIL image by mode, size, pixels and palette; ``info`` (text, dpi, profiles) is not compared."""
    pixels = np.asarray(image)
    parts: list[Field] = [(".mode", image.mode), (".size", sequence("tuple", image.size))]
    if image.mode in ("P", "PA"):
        palette = np.array(image.getpalette() or [], dtype=np.uint8)
        parts.append((".palette", Array("numpy.ndarray", "uint8", palette.shape, palette, owned=True)))
    native = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    parts.append((".pixels", Array("numpy.ndarray", native.dtype.name, native.shape, native)))
    return fields("PIL.Image.Image", parts, ["info (metadata of the image)"])


def _figure(figure: Any) -> Branch:
    """Return a figure by the pixels that matplotlib's Agg renderer draws at the figure's own resolution."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = figure.canvas
    try:
        drawn = FigureCanvasAgg(figure)
        drawn.draw()
        pixels = np.array(drawn.buffer_rgba(), dtype=np.uint8)
    finally:
        figure.set_canvas(canvas)
    parts: list[Field] = [
        (".dpi", float(figure.dpi)),
        (".pixels", Array("numpy.ndarray", "uint8", pixels.shape, pixels, owned=True)),
    ]
    return fields(type_name(type(figure)), parts, ["everything that leaves no trace in the drawn pixels"])
