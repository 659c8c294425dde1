"""Making the network: examples can be repeated, and what is exported is what was trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra `training` is not installed")
onnx = pytest.importorskip("onnx", reason="the extra `training` is not installed")

from training import export, loop, train  # noqa: E402
from training.data import example  # noqa: E402
from training.network import Segmenter, count  # noqa: E402


def test_an_example_is_its_number() -> None:
    one, other = example(5, 17, side=96), example(5, 17, side=96)
    for a, b in zip(one, other, strict=True):
        assert a.tobytes() == b.tobytes()
    channels, target, weight = one
    assert channels.shape == target.shape == weight.shape == (4, 96, 96)
    assert np.isfinite(channels).all()
    assert target.min() >= 0
    assert target.max() <= 1


def test_the_network_is_small() -> None:
    assert 0.5e6 < count(Segmenter()) < 1.5e6


def test_what_is_exported_answers_as_what_was_trained(tmp_path: Path) -> None:
    import onnxruntime

    torch.manual_seed(0)
    model = Segmenter().eval()
    torch.save({"mean": model.state_dict()}, tmp_path / "state_0.pt")
    export.export(tmp_path / "state_0.pt", tmp_path / "x.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "x.onnx", providers=["CPUExecutionProvider"])
    for shape in ((64, 64), (96, 160)):
        channels = np.random.default_rng(0).normal(0, 1, (1, 4, *shape)).astype(np.float32)
        answer, features = session.run(["maps", "features"], {"channels": channels})
        with torch.no_grad():
            wanted = torch.sigmoid(model(torch.from_numpy(channels))).numpy()
            again = torch.sigmoid(model.spread(torch.from_numpy(features))).numpy()
        assert np.abs(answer - wanted).max() < 0.01
        assert features.shape == (1, 16, shape[0] // 2, shape[1] // 2)
        assert np.abs(again - answer).max() < 0.01


def test_a_step_lowers_the_loss() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = Segmenter()
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-3)
    parts = [example(1, number, side=64) for number in range(4)]
    channels, target, weight = (torch.from_numpy(np.stack(a)) for a in zip(*parts, strict=True))
    losses = []
    for _ in range(25):
        loss, _ = loop.loss_of(model(channels), target, weight)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]


def test_the_rate_rises_and_falls() -> None:
    schedule = train.schedule_of(images=16_000, processes=2)
    assert schedule.steps == 1000
    rates = [schedule.rate_at(step) for step in range(1001)]
    assert rates[0] < rates[schedule.warm_up]
    assert max(rates) <= schedule.rate
    assert rates[-1] == pytest.approx(0, abs=1e-9)


def test_the_rate_rises_once_more_in_a_second_cycle() -> None:
    schedule = loop.Schedule((600, 300), rate=1e-3, warm_up=40, keep=0.99, save_every=50)
    rates = [schedule.rate_at(step) for step in range(schedule.steps + 1)]
    assert len(rates) == 901
    assert rates[599] < 1e-7
    assert max(rates[600:]) > 0.95e-3
    assert rates[-1] == 0
