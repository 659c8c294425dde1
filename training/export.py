"""Write the trained network as ONNX: `python -m training.export --state FOLDER`.

Weights are stored in half precision and widened when the file is loaded; the arithmetic stays in
single precision, which processors are faster at.
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

from training.data import SIDE
from training.network import Segmenter

TARGET = Path(__file__).parent.parent / "spheroid_qc/segmentation/learned/core_shed.onnx"


def export(state: Path, target: Path, half: bool = True) -> None:
    """Fold, shrink and write the averaged weights."""
    model = Segmenter()
    model.load_state_dict(torch.load(state, weights_only=True)["mean"])
    model.eval()
    # The file answers in probabilities.
    whole = torch.nn.Sequential(model, torch.nn.Sigmoid())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "network.onnx")
        torch.onnx.export(
            whole, (torch.zeros(1, 4, SIDE, SIDE),), str(path), dynamo=False, opset_version=17,
            input_names=["channels"], output_names=["maps"],
            dynamic_axes={"channels": {2: "y", 3: "x"}, "maps": {2: "y", 3: "x"}},
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
    parser.add_argument("--target", type=Path, default=TARGET)
    arguments = parser.parse_args()
    export(arguments.state / "state_0.pt", arguments.target)


if __name__ == "__main__":
    main()
