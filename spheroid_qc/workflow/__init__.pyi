from .whole_run import AnalysisResult as AnalysisResult
from .whole_run import PlateResult as PlateResult
from .whole_run import analyse as analyse
from .whole_run import run_plate as run_plate
