from .measurement import measure as measure
from .parameters import Parameters as Parameters
from .segmentation import Segmentation as Segmentation
from .segmentation import read_adapter as read_adapter
from .segmentation import segment as segment
from .workflow import analyse as analyse
from .workflow import run_plate as run_plate

__version__: str
