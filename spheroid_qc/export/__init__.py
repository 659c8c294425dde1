"""What was found, for other programs: masks, images and tables.

`export_run` is `spheroid-qc export`: OME-Zarr, ImageJ ROIs, COCO and GeoJSON of a run, and tables
for GraphPad Prism, spreadsheets and Parquet of a run or an answer.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
