"""Sample layers need no viewer and carry their calibration."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from spheroid_qc.samples import Modality
from spheroid_qc.samples.napari_samples import (
    sample_plate_layers,
    sample_spheroid,
    sample_spheroid_layers,
)


def test_time_lapse_layer() -> None:
    ((data, properties, kind),) = sample_plate_layers()
    assert kind == "image"
    assert data.shape == (7, 1024, 1024)
    assert data.dtype == np.uint16
    assert properties["scale"] == (12.0, 1.3, 1.3)
    assert len(properties["units"]) == len(properties["axis_labels"]) == 3
    truth = properties["metadata"]["true_disintegration_fraction"]
    assert np.all(np.diff(truth) > 0)
    assert properties["metadata"]["true_state"][0] == "intact"
    assert properties["metadata"]["true_state"][-1] == "disintegrated"


def test_samples_need_no_napari() -> None:
    code = (
        "import sys; from spheroid_qc.samples.napari_samples import sample_plate_layers as make; "
        "make(); assert 'napari' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_single_frame_layer_is_the_sample_spheroid() -> None:
    ((data, properties, kind),) = sample_spheroid_layers()
    np.testing.assert_array_equal(data, sample_spheroid().image)
    assert (kind, properties["scale"]) == ("image", (1.3, 1.3))


def test_strength_and_modality() -> None:
    healthy, ill = sample_spheroid(0.0), sample_spheroid(0.5)
    assert np.count_nonzero(healthy.shed) < 0.02 * np.count_nonzero(healthy.core)
    assert np.count_nonzero(ill.shed) > np.count_nonzero(ill.core)
    glowing = sample_spheroid(0.5, modality=Modality.FLUORESCENCE)
    np.testing.assert_array_equal(glowing.core, ill.core)
    assert glowing.image[glowing.core > 0].mean() > 3 * np.median(glowing.image)
