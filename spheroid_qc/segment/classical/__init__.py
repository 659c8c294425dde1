"""Segmentation by several cues judged by evidence, without training."""

from __future__ import annotations

from spheroid_qc.segment.classical.engine import segment_classical

__all__ = ["segment_classical"]
