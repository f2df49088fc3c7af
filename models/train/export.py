"""Turns a checkpoint into the shipped pair: NAME.onnx and its manifest NAME.json.

    python3 export.py --checkpoint OUT/result.pt --data DIR/val --to ..

The weights of several checkpoints, of the same recipe with other seeds, are averaged. The pictures in
DIR/val fit the temperature and the `unsure` threshold, through the exported file itself; sources left
out of training stay out here too. The same checkpoints always give the same bytes.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from data import input_spec
from evaluate import Predictions, confidence_of, pictures_of, predict, probabilities
from network import AlbumNet

OPSET = 17
SMALL_LAYER = 40_000  # Weights.


def read_mean(files: list[Path]) -> dict:
    """One checkpoint whose weights are the mean of all: Wortsman et al., "Model soups" (2022)."""
    checkpoints = [torch.load(file, map_location="cpu") for file in files]
    mean = checkpoints[0]
    for key in ("labels", "size", "left_out"):
        if any(other[key] != mean[key] for other in checkpoints):
            raise SystemExit(f"the checkpoints differ in {key}")
    mean["weights"] = {
        name: torch.stack([checkpoint["weights"][name] for checkpoint in checkpoints]).mean(0)
        for name in mean["weights"]
    }
    return mean


def write_onnx(checkpoint: dict, file: Path) -> None:
    net = AlbumNet(len(checkpoint["labels"]))
    net.load_state_dict(checkpoint["weights"])
    net.eval()
    size = checkpoint["size"]
    torch.manual_seed(0)
    example = torch.randn(2, 3, size, size)
    with torch.no_grad():
        expected = net(example).numpy()
    torch.onnx.export(
        net,
        (example,),
        file,
        input_names=["input"],
        output_names=["logits"],
        dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}},
        opset_version=OPSET,
        dynamo=False,
    )
    model = onnx.load(file)
    # The exporter's own version and the source lines would change the bytes for nothing.
    model.producer_version = ""
    store_bytes(model)
    for node in model.graph.node:
        node.doc_string = ""
    file.write_bytes(model.SerializeToString(deterministic=True))
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    difference = np.abs(session.run(None, {"input": example.numpy()})[0] - expected).max()
    if difference > 0.25:  # Rounded weights make a tenth of a logit of noise, less of photos.
        raise SystemExit(f"the exported model differs from the checkpoint by {difference}")


def store_bytes(model: onnx.ModelProto) -> None:
    """Keeps weights as 8-bit whole numbers with a scale for each channel, a quarter of the file.

    The runtime multiplies them out once, on loading, and computes in floats as before. Small layers,
    whose rounding would be felt most, become 16-bit floats.
    """
    kept, widened = [], []
    for tensor in model.graph.initializer:
        values, name = onnx.numpy_helper.to_array(tensor), tensor.name
        if tensor.data_type != onnx.TensorProto.FLOAT or values.ndim < 2:
            kept.append(tensor)
        elif values.size < SMALL_LAYER:
            kept.append(onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
            widened.append(widen(f"{name}_half", name))
        else:
            scale = np.abs(values).max(tuple(range(1, values.ndim)), keepdims=True) / 127
            steps = np.rint(values / np.maximum(scale, 1e-12)).astype(np.int8)
            kept.append(onnx.numpy_helper.from_array(steps, f"{name}_steps"))
            kept.append(onnx.numpy_helper.from_array(scale, f"{name}_scale"))
            widened.append(widen(f"{name}_steps", f"{name}_wide"))
            product = [f"{name}_wide", f"{name}_scale"]
            widened.append(onnx.helper.make_node("Mul", product, [name]))
    nodes = list(model.graph.node)
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(widened + nodes)
    model.graph.initializer.extend(kept)


def widen(stored: str, name: str) -> onnx.NodeProto:
    return onnx.helper.make_node("Cast", [stored], [name], to=onnx.TensorProto.FLOAT)


def fit_temperature(result: Predictions) -> float:
    """The temperature under which the pictures' true classes are likeliest."""

    def loss(temperature: float) -> float:
        chances = probabilities(result.logits.astype(np.float64), temperature)
        return -np.log(chances[np.arange(len(result.truth)), result.truth]).mean()

    return round(float(min(np.geomspace(0.25, 4, 600), key=loss)), 3)


def choose_unsure(result: Predictions, temperature: float, precision: float) -> float:
    """The lowest confidence, in steps of 0.01, over which answers are right often enough."""
    confidence, right = confidence_of(result, temperature)
    for hundredths in range(20, 100):
        sure = confidence >= hundredths / 100
        if sure.any() and right[sure].mean() >= precision:
            return hundredths / 100
    return 0.99


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, nargs="+", required=True)
    parser.add_argument("--data", type=Path, required=True, help="pictures to calibrate on")
    parser.add_argument("--to", type=Path, required=True, help="folder of the two files")
    parser.add_argument("--name", default="album-v1")
    parser.add_argument("--version", default="1.0.0")
    parser.add_argument("--views", nargs="*", default=["middle", "zoom"],
                        help="what the server shows besides where unsure; views.py measures")  # fmt: skip
    parser.add_argument("--precision", type=float, default=0.965, help="wanted when not unsure")
    parser.add_argument("--unsure", type=float,
                        help="threshold to use instead: leave_out.py measures some")  # fmt: skip
    args = parser.parse_args()

    checkpoint = read_mean(args.checkpoint)
    file = args.to / f"{args.name}.onnx"
    write_onnx(checkpoint, file)
    labels = checkpoint["labels"]
    manifest = {
        "name": args.name,
        "version": args.version,
        "file": file.name,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "licence": "Apache-2.0",
        "description": "EfficientNet-Lite0, fine-tuned from ImageNet for eight album categories",
        "input": input_spec(checkpoint["size"]),
        "output": {"name": "logits", "activation": "softmax", "temperature": 1.0},
        "labels": labels,
        "categories": {label: label for label in labels},
        "unsure": 0.5,
        "views": args.views,
    }
    result = predict(file, manifest, pictures_of(args.data, without=checkpoint["left_out"]))
    temperature = fit_temperature(result)
    manifest["output"]["temperature"] = temperature
    manifest["unsure"] = args.unsure
    if args.unsure is None:
        manifest["unsure"] = choose_unsure(result, temperature, args.precision)
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    file.with_suffix(".json").write_text(text, encoding="utf-8")
    print(f"{file}: {file.stat().st_size} bytes, epoch {checkpoint['epoch']}")
    print(f"temperature {temperature}, unsure under {manifest['unsure']}")


if __name__ == "__main__":
    main()
