"""Segmentation by several cues judged by evidence, without training."""

from __future__ import annotations

from spheroid_qc.segmentation.classical.classical_pipeline import segment_classical

__all__ = ["segment_classical"]
