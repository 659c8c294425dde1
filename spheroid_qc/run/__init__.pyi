from .plate_run import RunResult as RunResult
from .plate_run import default_out as default_out
from .plate_run import run_plate as run_plate
from .progress import Progress as Progress
