"""Workers on other machines: address of their scheduler, and what they call the folders here."""

from __future__ import annotations

from importlib.util import find_spec

from qtpy.QtWidgets import QLabel, QLineEdit, QVBoxLayout, QWidget

from spheroid_qc.gui.panels.base_panel import beside, hint

_NOT_INSTALLED = (
    "The library distributed (Dask), which workers on other machines need, is not installed; type "
    "python -m pip install 'spheroid_qc[cluster]', here and on the workers, and open the window "
    "again."
)


class ClusterChoice(QWidget):
    """What `--scheduler` and `--path-map` are in the command line; empty: this computer works."""

    def __init__(self) -> None:
        super().__init__()
        self.address, self.folders = QLineEdit(), QLineEdit()
        self.address.setPlaceholderText("tcp://10.0.0.5:8786")
        self.address.setToolTip(
            "Scheduler of Dask, whose workers do the wells. Empty: this computer does them."
        )
        self.folders.setPlaceholderText("/data=/mnt/data")
        self.folders.setToolTip(
            "A folder as it is called here, =, and its path on the workers; several with ; between "
            "them. Empty: they are called the same."
        )
        self.lacking = hint("" if self.is_installed() else _NOT_INSTALLED)
        fields = (
            beside(QLabel("Scheduler"), self.address),
            beside(QLabel("Folders there"), self.folders),
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(5)
        for widget in (self.lacking, *fields):
            column.addWidget(widget)
        for widget in fields:
            widget.setVisible(self.is_installed())

    @staticmethod
    def is_installed() -> bool:
        """Whether the library of the extra `cluster` is there."""
        return find_spec("distributed") is not None

    @property
    def scheduler(self) -> str | None:
        """Address of the scheduler, if there is to be one."""
        return self.address.text().strip() or None

    @property
    def path_map(self) -> tuple[str, ...]:
        """`HERE=THERE`, one a folder."""
        parts = (part.strip() for part in self.folders.text().split(";"))
        return tuple(part for part in parts if part)
