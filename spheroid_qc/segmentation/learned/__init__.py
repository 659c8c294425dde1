"""The learned segmenter: a small network trained on synthetic images (see MODEL_CARD.md)."""

from __future__ import annotations

from spheroid_qc.segmentation.learned.segment_with_network import segment_learned

__all__ = ["segment_learned"]
