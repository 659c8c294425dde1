"""The learned segmenter: a small network trained on synthetic images (see MODEL_CARD.md)."""

from __future__ import annotations

from spheroid_qc.segment.learned.engine import segment_learned

__all__ = ["segment_learned"]
