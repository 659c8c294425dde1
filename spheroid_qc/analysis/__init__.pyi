from .analysis_files import write_analysis as write_analysis
from .analysis_result import Analysis as Analysis
from .analysis_result import ResponseUse as ResponseUse
from .run_folder_analysis import analyse_run_folder as analyse_run_folder
from .table_analysis import analyse_table as analyse_table
from .verdict.findings import Verdict as Verdict
from .verdict.findings import VerdictFinding as VerdictFinding
