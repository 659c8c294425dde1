"""Corrections of the network's last layer, learned from masks that a person corrected."""

from __future__ import annotations

from spheroid_qc.segmentation.adapter.adapter_file import read_adapter, write_adapter
from spheroid_qc.segmentation.adapter.head_correction import Adapter

__all__ = ["Adapter", "read_adapter", "write_adapter"]
