"""Pictures by Matplotlib: the same record gives the same bytes with one version of it."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg")
_STYLE = {
    "svg.hashsalt": "tflm-lab",  # names inside of the file: the same for the same record
    "font.family": "DejaVu Sans",  # comes with Matplotlib
}


def picture(
    draw: Callable[[], Figure | None], file_format: str, style: Mapping[str, Any], dpi: int
) -> bytes | None:
    """The bytes of a file; None: there was nothing to draw.

    Args:
        draw: makes the figure, not with pyplot: no window, no state.
        file_format: one of ``FORMATS``.
        style: Matplotlib's settings for this picture.
        dpi: dots per inch of a PNG.
    """
    import matplotlib as mpl

    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # where it keeps its fonts, and such
    with mpl.rc_context({**_STYLE, **style}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # names may be in any script
        figure = draw()
        if figure is None:
            return None
        data = io.BytesIO()
        nothing = {"Date": None} if file_format == "svg" else {"Software": None}
        figure.savefig(data, format=file_format, dpi=dpi, metadata=nothing)
    return data.getvalue()
