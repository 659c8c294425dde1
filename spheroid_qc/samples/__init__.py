"""Synthetic spheroids with known truth: the demo plate, and the base of training images.

`write_plate` writes a whole simulated time-lapse plate; `render_scene` makes one frame and its
exact masks from a `Scene` and `Optics`.
"""

from __future__ import annotations

from spheroid_qc.samples.design import DEMO, PlateDesign, WellPlan, tri_drug_plate
from spheroid_qc.samples.optics import Light, Modality, Optics, Rendered, render_scene
from spheroid_qc.samples.plate_writer import render_frame, write_plate
from spheroid_qc.samples.scene import Body, Cells, Outline, Scene, Veil
from spheroid_qc.samples.truth import ConditionTruth, FrameTruth, Truth

__all__ = [
    "DEMO",
    "Body",
    "Cells",
    "ConditionTruth",
    "FrameTruth",
    "Light",
    "Modality",
    "Optics",
    "Outline",
    "PlateDesign",
    "Rendered",
    "Scene",
    "Truth",
    "Veil",
    "WellPlan",
    "render_frame",
    "render_scene",
    "tri_drug_plate",
    "write_plate",
]
