from .files import write_analysis as write_analysis
from .record import Analysis as Analysis
from .record import ResponseUse as ResponseUse
from .runs import analyse_run_folder as analyse_run_folder
from .tidy import analyse_table as analyse_table
from .verdict import Finding as Finding
from .verdict import Verdict as Verdict
