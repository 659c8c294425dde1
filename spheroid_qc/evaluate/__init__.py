"""Agreement of masks, or of measured values, with a reference that the user trusts."""

from __future__ import annotations

from spheroid_qc.evaluate.run_evaluation import Evaluation, evaluate

__all__ = ["Evaluation", "evaluate"]
