"""Writes down what training sees in a few pictures, for the server's tests to see the same.

    python3 golden.py --model ../album-v1.json --golden ../../test/workers/golden

For each picture in GOLDEN/pictures: GOLDEN/pixels/<name>.png, the picture as `preprocess.fit` makes
it, and in GOLDEN/golden.json the logits of the model for it. To be run again after every export.
"""

import argparse
import json
from pathlib import Path

import onnxruntime
from PIL import Image

from preprocess import fit, normalise, open_upright


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="the manifest, a .json file")
    parser.add_argument("--golden", type=Path, required=True, help="folder with pictures/")
    args = parser.parse_args()

    manifest = json.loads(args.model.read_text())
    spec, output = manifest["input"], manifest["output"]["name"]
    session = onnxruntime.InferenceSession(
        args.model.with_name(manifest["file"]), providers=["CPUExecutionProvider"]
    )
    pixels_folder = args.golden / "pixels"
    pixels_folder.mkdir(exist_ok=True)
    logits = {}
    for path in sorted((args.golden / "pictures").iterdir()):
        pixels = fit(open_upright(path), spec)
        Image.fromarray(pixels).save(pixels_folder / f"{path.name}.png", optimize=True)
        tensor = normalise(pixels[None], spec)
        (row,) = session.run([output], {spec["name"]: tensor})[0]
        logits[path.name] = [round(float(value), 5) for value in row]
    golden = {"sha256": manifest["sha256"], "labels": manifest["labels"], "logits": logits}
    text = json.dumps(golden, indent=2) + "\n"
    (args.golden / "golden.json").write_text(text)
    print(f"{len(logits)} pictures in {args.golden}")


if __name__ == "__main__":
    main()
