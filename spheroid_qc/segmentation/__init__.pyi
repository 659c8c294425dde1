from .auto import check_method as check_method
from .auto import segment as segment
from .segmentation_result import Segmentation as Segmentation
