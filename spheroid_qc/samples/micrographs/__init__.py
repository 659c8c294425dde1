"""Synthetic micrographs as wide as microscopy: training images with exact masks."""

from __future__ import annotations

from spheroid_qc.samples.micrographs.compose import Micrograph, draw_micrograph
from spheroid_qc.samples.micrographs.families import OTHER, WIDE, Family

__all__ = ["OTHER", "WIDE", "Family", "Micrograph", "draw_micrograph"]
