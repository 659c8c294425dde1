from .methods import check_method as check_method
from .methods import segment as segment
from .result import Segmentation as Segmentation
