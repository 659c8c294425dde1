from .adapter import Adapter as Adapter
from .adapter import read_adapter as read_adapter
from .auto import check_method as check_method
from .auto import segment as segment
from .segmentation_result import Segmentation as Segmentation
