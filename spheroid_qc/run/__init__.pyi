from .plate_run import RunRequest as RunRequest
from .plate_run import RunResult as RunResult
from .plate_run import analyse_images as analyse_images
from .plate_run import default_out as default_out
from .plate_run import mark_done as mark_done
from .plate_run import plan_run as plan_run
from .progress import Progress as Progress
