from .plate import RunResult as RunResult
from .plate import default_out as default_out
from .plate import run_plate as run_plate
from .progress import Progress as Progress
