"""What napari's preferences hold for this plug-in: the manifest's configurations."""

from __future__ import annotations

from typing import Any


def preference(section: str, name: str, default: Any) -> Any:
    """Read a preference; the default where napari has none (an older one, or tests)."""
    try:
        from napari.settings import get_plugin_settings

        return getattr(getattr(get_plugin_settings("spheroid_qc"), section), name)
    except (ImportError, AttributeError, KeyError, ValueError):
        return default


def remember(section: str, name: str, value: Any) -> None:
    """Store a preference, where that is possible."""
    try:
        from napari.settings import get_plugin_settings

        setattr(getattr(get_plugin_settings("spheroid_qc"), section), name, value)
    except (ImportError, AttributeError, KeyError, ValueError, OSError):
        return
