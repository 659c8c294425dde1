"""Segmentation by several cues judged by evidence, without training."""

from __future__ import annotations

from spheroid_qc.segmentation.classical.segment_with_rules import segment_classical

__all__ = ["segment_classical"]
