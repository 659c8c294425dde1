from .build_page import write_report as write_report
from .inspection_page import write_inspection as write_inspection
