"""Synthetic micrographs as wide as microscopy: training images with exact masks."""

from __future__ import annotations

from training.micrographs.compose import Micrograph, draw_micrograph
from training.micrographs.families import OTHER, WIDE, Family

__all__ = ["OTHER", "WIDE", "Family", "Micrograph", "draw_micrograph"]
