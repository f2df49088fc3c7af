"""Measures what several views of a picture are worth, for a server that may average them.

    python3 views.py --model ../album-v1.json --data DIR/val [--sources lsp,webtemplate]

The manifest's own view is `fill` (the whole picture squashed to a square). `mirror`, `middle` and
`zoom` are those the server knows; the rest were tried. Chances are averaged after the temperature.
The last columns average only where the first view alone is unsure, as a server would.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from evaluate import calibration, open_session, probabilities, read_arguments
from preprocess import fit, normalise, open_upright

ZOOM = 224 / 256  # Share of width and height that the server's `zoom` shows.
SINGLE = ("fill", "mirror", "middle", "zoom", "first end", "last end", "padded")
COMBINED = (
    ("fill", "mirror"),
    ("fill", "middle"),
    ("fill", "zoom"),
    ("fill", "mirror", "zoom"),
    ("fill", "middle", "zoom"),
    ("fill", "middle", "padded"),
    ("fill", "first end", "last end"),
    ("fill", "mirror", "middle"),
    ("fill", "middle", "first end", "last end"),
    ("first end", "middle", "last end"),
)


def view(image: Image.Image, name: str, spec: dict) -> np.ndarray:
    if name == "mirror":
        return fit(ImageOps.mirror(image), spec | {"resize": "fill"})
    if name == "padded":
        return fit(image, spec | {"resize": "contain"})
    if name == "zoom":
        margins = [round(length * (1 - ZOOM) / 2) for length in image.size]
        image = ImageOps.crop(image, (*margins, *margins))
    side = min(image.size)
    if name == "first end":
        image = image.crop((0, 0, side, side))
    if name == "last end":
        width, height = image.size
        image = image.crop((width - side, height - side, width, height))
    return fit(image, spec | {"resize": "fill" if name in ("fill", "zoom") else "cover"})


def chances_by_view(manifest: dict, onnx: Path, paths: list[Path]) -> dict[str, np.ndarray]:
    session, spec = open_session(onnx), manifest["input"]
    logits: dict[str, list[np.ndarray]] = {name: [] for name in SINGLE}
    for start in range(0, len(paths), 64):
        images = [open_upright(p) for p in paths[start : start + 64]]
        for name in SINGLE:
            pixels = np.stack([view(image, name, spec) for image in images])
            feed = {spec["name"]: normalise(pixels, spec)}
            logits[name].append(session.run([manifest["output"]["name"]], feed)[0])
    temperature = manifest["output"]["temperature"]
    return {name: probabilities(np.concatenate(part), temperature) for name, part in logits.items()}


def main() -> None:
    onnx, manifest, paths = read_arguments(__doc__.splitlines()[0])
    truth = np.array([manifest["labels"].index(p.parent.name) for p in paths])
    chances = chances_by_view(manifest, onnx, paths)

    def right(table: np.ndarray, where=slice(None)) -> float:
        return (table.argmax(1) == truth)[where].mean()

    first = chances["fill"]
    unsure = first.max(1) < manifest["unsure"]
    print(f"{len(paths)} pictures, unsure about {unsure.mean():.3f} of them\n")
    print("| views | right | ECE | right where unsure | right if used where unsure |")
    print("|---|---|---|---|---|")
    for names in [(name,) for name in SINGLE] + list(COMBINED):
        mean = np.mean([chances[name] for name in names], axis=0)
        error, _ = calibration(mean.max(1), mean.argmax(1) == truth)
        used = np.where(unsure[:, None], mean, first)
        cells = (right(mean), error, right(mean, unsure), right(used))
        print(f"| {' + '.join(names)} | " + " | ".join(f"{cell:.4f}" for cell in cells) + " |")


if __name__ == "__main__":
    main()
