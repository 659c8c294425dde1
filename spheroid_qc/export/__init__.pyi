from .export_tables import export_tables as export_tables
from .run_export import Exported as Exported
from .run_export import export_run as export_run
