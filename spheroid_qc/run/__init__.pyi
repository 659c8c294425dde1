from .planned_run import RunRequest as RunRequest
from .planned_run import default_out as default_out
from .planned_run import plan_run as plan_run
from .plate_run import analyse_images as analyse_images
from .plate_run import mark_done as mark_done
from .progress import Progress as Progress
