"""Agreement of masks, or of measured values, with a reference that the user trusts."""

from __future__ import annotations

from spheroid_qc.evaluate.evaluate_against_reference import Evaluation, evaluate

__all__ = ["Evaluation", "evaluate"]
