from .progress import Progress as Progress
from .run_images import analyse_images as analyse_images
from .run_images import mark_done as mark_done
from .run_request import RunRequest as RunRequest
from .run_request import default_out as default_out
from .run_request import plan_run as plan_run
