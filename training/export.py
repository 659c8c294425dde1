"""Write the trained network as ONNX: `python -m training.export --state FOLDER --base FILE`.

What ships lies between the weights of both stages of the training, four fifths of the way to the
second (Wortsman et al. 2022, doi:10.1109/CVPR52688.2022.00780): the first knows kinds of images
that no real one showed the second. On sources left out that is better than either end
(benchmarks/LOG.md).

Weights are stored in half precision and widened when the file is loaded; the arithmetic stays in
single precision, which processors are faster at.

The file has one input, `channels` (1, 4, y, x), and two outputs: `maps` (1, 4, y, x), probabilities
of core, shed material and edge and the depth, and `features` (1, 16, y / 2, x / 2), what the last
layer weighs, to which corrections by a person are fitted. `features` costs nothing where it isn't
asked for.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor

from training.data import SIDE
from training.network import Segmenter

TARGET = Path(__file__).parent.parent / "spheroid_qc/segmentation/learned/core_shed.onnx"


class Answer(torch.nn.Module):
    """The network as the file answers: in probabilities, and with the features behind them."""

    def __init__(self, network: Segmenter) -> None:
        super().__init__()
        self.network = network

    def forward(self, channels: Tensor) -> tuple[Tensor, Tensor]:
        features = self.network.features(channels)
        return torch.sigmoid(self.network.spread(features)), features


SHARE = 0.8
"""How far from the first stage's weights to the second's."""


def between(base: dict[str, Tensor], state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights `SHARE` of the way from a base to what was trained from it."""
    return {
        name: torch.lerp(base[name], value, SHARE) if value.dtype.is_floating_point else value
        for name, value in state.items()
    }


def export(state: Path, target: Path, base: Path | None = None, half: bool = True) -> None:
    """Fold, shrink and write the averaged weights, drawn towards those of a base if given."""
    weights = torch.load(state, weights_only=True)["mean"]
    if base is not None:
        weights = between(torch.load(base, weights_only=True)["mean"], weights)
    model = Segmenter()
    model.load_state_dict(weights)
    model.eval()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "network.onnx")
        torch.onnx.export(
            Answer(model), (torch.zeros(1, 4, SIDE, SIDE),), str(path), dynamo=False,
            opset_version=17, input_names=["channels"], output_names=["maps", "features"],
            dynamic_axes={
                "channels": {2: "y", 3: "x"},
                "maps": {2: "y", 3: "x"},
                "features": {2: "half_y", 3: "half_x"},
            },
        )  # fmt: skip
        graph = onnx.load(path)
    if half:
        halve(graph)
    graph.producer_version = ""
    onnx.checker.check_model(graph)
    data = graph.SerializeToString(deterministic=True)
    target.write_bytes(data)
    print(f"{target}: {len(data) / 1e6:.2f} MB, sha256 {hashlib.sha256(data).hexdigest()}")


def halve(graph: onnx.ModelProto) -> None:
    """Store large weights as float16, with a cast behind each."""
    casts = []
    for weight in list(graph.graph.initializer):
        values = numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < 256:
            continue
        small = numpy_helper.from_array(values.astype(np.float16), f"{weight.name}_half")
        casts.append(
            helper.make_node("Cast", [small.name], [weight.name], to=onnx.TensorProto.FLOAT)
        )
        graph.graph.initializer.remove(weight)
        graph.graph.initializer.append(small)
    for cast in reversed(casts):
        graph.graph.node.insert(0, cast)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--state", type=Path, required=True, help="folder of the training run")
    parser.add_argument("--base", type=Path, help="state file of the first stage")
    parser.add_argument("--target", type=Path, default=TARGET)
    arguments = parser.parse_args()
    export(arguments.state / "state_0.pt", arguments.target, arguments.base)


if __name__ == "__main__":
    main()
