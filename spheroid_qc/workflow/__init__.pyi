from .run_and_report import AnalysisResult as AnalysisResult
from .run_and_report import PlateResult as PlateResult
from .run_and_report import analyse as analyse
from .run_and_report import run_plate as run_plate
