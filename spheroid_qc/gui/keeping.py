"""What must be on the disk before a run: a plate map that was filled in by hand."""

from __future__ import annotations

from napari.utils.notifications import show_error

from spheroid_qc.errors import PlateMapError
from spheroid_qc.gui.session import Session


def keep_map(session: Session) -> bool:
    """Save a map that was filled in and not saved yet; tells whether a run may start.

    Parameters
    ----------
    session : Session
        Its draft is written beside the images, never over a file that somebody else made.
    """
    draft, path = session.draft, session.default_map_path()
    if draft.saved:
        return True
    if not draft.wells:
        session.map_path = session.plate_map = None
        draft.saved = True
        session.map_changed.emit()
        return True
    if path is None:
        return False
    try:
        plate_map = draft.save(path)
    except PlateMapError as error:
        show_error("The plate map is not complete: " + " ".join(error.problems[:3]))
        return False
    except OSError as error:
        show_error(f"{path} can't be written ({error.strerror}); save the map to another place.")
        return False
    session.map_saved(plate_map, path)
    return True
