from .build_page import write_report as write_report
