"""Turns a checkpoint into the shipped pair: NAME.onnx and its manifest NAME.json.

    python3 export.py --checkpoint OUT/best.pt --data DIR/val --to ..

The pictures in DIR/val fit the temperature and the `unsure` threshold, through the exported file
itself; sources left out of training stay out here too. The same checkpoint always gives the same
bytes.
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
from network import AlbumNet, fold_norms

OPSET = 17


def write_onnx(checkpoint: dict, file: Path) -> None:
    net = AlbumNet(len(checkpoint["labels"]))
    net.load_state_dict(checkpoint["weights"])
    net = net.eval()
    size = checkpoint["size"]
    torch.manual_seed(0)
    example = torch.randn(2, 3, size, size)
    with torch.no_grad():
        expected = net(example).numpy()
    torch.onnx.export(
        fold_norms(net).eval(),
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
    store_halves(model)
    for node in model.graph.node:
        node.doc_string = ""
    file.write_bytes(model.SerializeToString(deterministic=True))
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    difference = np.abs(session.run(None, {"input": example.numpy()})[0] - expected).max()
    if difference > 0.05:  # Half floats keep three digits.
        raise SystemExit(f"the exported model differs from the checkpoint by {difference}")


def store_halves(model: onnx.ModelProto) -> None:
    """Keeps weights as 16-bit floats, half the file; the runtime widens them once, on loading."""
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT:
            continue
        values, name = onnx.numpy_helper.to_array(tensor), tensor.name
        half = f"{name}_half"
        tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), half))
        casts.append(onnx.helper.make_node("Cast", [half], [name], to=onnx.TensorProto.FLOAT))
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(casts + nodes)


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
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="pictures to calibrate on")
    parser.add_argument("--to", type=Path, required=True, help="folder of the two files")
    parser.add_argument("--name", default="album-v1")
    parser.add_argument("--version", default="1.0.0")
    parser.add_argument("--views", nargs="*", default=["middle", "zoom"],
                        help="what the server shows besides where unsure; views.py measures")  # fmt: skip
    parser.add_argument("--precision", type=float, default=0.965, help="wanted when not unsure")
    args = parser.parse_args()

    checkpoint = torch.load(args.checkpoint, map_location="cpu")
    file = args.to / f"{args.name}.onnx"
    write_onnx(checkpoint, file)
    labels = checkpoint["labels"]
    manifest = {
        "name": args.name,
        "version": args.version,
        "file": file.name,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "licence": "MIT",
        "description": "Small residual network trained from scratch for eight album categories",
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
    manifest["unsure"] = choose_unsure(result, temperature, args.precision)
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    file.with_suffix(".json").write_text(text, encoding="utf-8")
    print(f"{file}: {file.stat().st_size} bytes, epoch {checkpoint['epoch']}")
    print(f"temperature {temperature}, unsure under {manifest['unsure']}")


if __name__ == "__main__":
    main()
