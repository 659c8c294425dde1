"""What napari writes on its canvas: found where it keeps it, and placed before it is drawn."""

from __future__ import annotations

from typing import Any


def overlay_of(viewer: Any, name: str) -> Any:
    """Give an overlay of the canvas: `text` or `scale_bar`; napari has moved them."""
    canvas = getattr(viewer, "canvas", None)
    if canvas is not None:
        return getattr(canvas.overlays, name)
    return getattr(viewer, "text_overlay" if name == "text" else name)


def place_overlays(viewer: Any) -> None:
    """Place a changed text before it is drawn.

    Left alone, napari moves it while it draws, and for that draws everything once more. Where a
    napari has no such method that is what happens.
    """
    canvas = getattr(getattr(viewer.window, "_qt_viewer", None), "canvas", None)
    place = getattr(canvas, "_update_overlay_canvas_positions", None)
    if place is not None:
        place()
