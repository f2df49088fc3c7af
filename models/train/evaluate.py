"""Measures an exported model on a folder of pictures, one subfolder a category.

    python3 evaluate.py --model ../album-v1.json --data DIR/val [--sources lsp,webtemplate]

Prints top-1, precision and recall per class, the confusion matrix, calibration, and what the
`unsure` threshold does. With --sources only pictures of these sources count: give those that the
model was trained without (train.py --leave-out) for the number to believe.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from data import list_pictures, source_of
from preprocess import fit, normalise, open_upright


@dataclass
class Predictions:
    logits: np.ndarray
    truth: np.ndarray  # Indexes into labels
    labels: list[str]
    sources: list[str]


def join(parts: list[Predictions]) -> Predictions:
    return Predictions(
        np.concatenate([part.logits for part in parts]),
        np.concatenate([part.truth for part in parts]),
        parts[0].labels,
        [source for part in parts for source in part.sources],
    )


def open_session(onnx: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])


def pictures_of(folder: Path, only=(), without=()) -> list[Path]:
    """Pictures to measure: all of them, or of some sources only, or without some."""
    paths = [p for p in list_pictures(folder) if not only or source_of(p) in only]
    paths = [p for p in paths if source_of(p) not in without]
    if not paths:
        raise SystemExit(f"no pictures to measure under {folder}")
    return paths


def predict(onnx: Path, manifest: dict, paths: list[Path]) -> Predictions:
    """The exported model's answers."""
    session, spec, labels = open_session(onnx), manifest["input"], manifest["labels"]
    logits = []
    for start in range(0, len(paths), 64):
        pixels = np.stack([fit(open_upright(p), spec) for p in paths[start : start + 64]])
        feed = {spec["name"]: normalise(pixels, spec)}
        logits.append(session.run([manifest["output"]["name"]], feed)[0])
    truth = np.array([labels.index(p.parent.name) for p in paths])
    return Predictions(np.concatenate(logits), truth, labels, [source_of(p) for p in paths])


def probabilities(logits: np.ndarray, temperature: float) -> np.ndarray:
    scaled = logits / temperature
    exps = np.exp(scaled - scaled.max(1, keepdims=True))
    return exps / exps.sum(1, keepdims=True)


def calibration(confidence: np.ndarray, right: np.ndarray, bins: int = 10):
    """Expected calibration error, and per bin: lower edge, count, confidence, accuracy."""
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    rows, error = [], 0.0
    for place in range(bins):
        inside = places == place
        if inside.any():
            mean, share = confidence[inside].mean(), right[inside].mean()
            rows.append((place / bins, int(inside.sum()), mean, share))
            error += inside.mean() * abs(mean - share)
    return error, rows


def confidence_of(result: Predictions, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Confidence of each answer, and whether the answer is right."""
    chances = probabilities(result.logits, temperature)
    return chances.max(1), chances.argmax(1) == result.truth


def report(result: Predictions, manifest: dict) -> None:
    confidence, right = confidence_of(result, manifest["output"]["temperature"])
    print(f"{len(right)} pictures, top-1 {right.mean():.4f}\n")
    report_classes(result)
    report_calibration(confidence, right)
    report_sureness(confidence, right, manifest["unsure"])
    report_sources(result, right)


def report_classes(result: Predictions) -> None:
    count, answer = len(result.labels), result.logits.argmax(1)
    table = np.zeros((count, count), int)
    np.add.at(table, (result.truth, answer), 1)
    print("| class | pictures | precision | recall |\n|---|---|---|---|")
    for index, label in enumerate(result.labels):
        hits, shown, called = table[index, index], table[index].sum(), table[:, index].sum()
        print(f"| {label} | {shown} | {hits / max(called, 1):.3f} | {hits / max(shown, 1):.3f} |")

    print("\n| is \\ called | " + " | ".join(result.labels) + " |\n|" + "---|" * (count + 1))
    for label, row in zip(result.labels, table):
        print(f"| {label} | " + " | ".join(map(str, row)) + " |")


def report_calibration(confidence: np.ndarray, right: np.ndarray) -> None:
    error, rows = calibration(confidence, right)
    print(f"\nECE {error:.4f}\n\n| confidence from | pictures | mean | right |\n|---|---|---|---|")
    for edge, pictures, mean, share in rows:
        print(f"| {edge:.1f} | {pictures} | {mean:.3f} | {share:.3f} |")


def report_sureness(confidence: np.ndarray, right: np.ndarray, threshold: float) -> None:
    def share(chosen: np.ndarray) -> str:
        return f"{right[chosen].mean():.3f} of them right" if chosen.any() else "no picture"

    sure = confidence >= threshold
    print(
        f"\nsure (confidence >= {threshold}): {sure.mean():.3f} of the pictures, "
        f"{share(sure)}; else {share(~sure)}"
    )


def report_sources(result: Predictions, right: np.ndarray) -> None:
    print("\n| class | source | pictures | right |\n|---|---|---|---|")
    groups: dict[tuple[int, str], list[bool]] = {}
    for truth, source, hit in zip(result.truth, result.sources, right):
        groups.setdefault((truth, source), []).append(hit)
    for (truth, source), hits in sorted(groups.items()):
        print(f"| {result.labels[truth]} | {source} | {len(hits)} | {np.mean(hits):.3f} |")


def measure_speed(onnx: Path, manifest: dict, runs: int = 200) -> None:
    session, spec = open_session(onnx), manifest["input"]
    feed = {spec["name"]: np.zeros((1, 3, spec["height"], spec["width"]), np.float32)}
    times = []
    for _ in range(runs + 20):
        begun = time.perf_counter()
        session.run(None, feed)
        times.append((time.perf_counter() - begun) * 1000)
    p50, p95 = np.percentile(times[20:], (50, 95))
    print(f"\none picture, one thread: p50 {p50:.2f} ms, p95 {p95:.2f} ms")


def read_arguments(description: str) -> tuple[Path, dict, list[Path]]:
    """The model's file, its manifest, and the pictures to measure it on."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--model", type=Path, required=True, help="the manifest, a .json file")
    parser.add_argument("--data", type=Path, required=True, help="folder of category folders")
    parser.add_argument("--sources", default="", help="only these sources, e.g. lsp,webtemplate")
    args = parser.parse_args()
    manifest = json.loads(args.model.read_text())
    only = set(filter(None, args.sources.split(",")))
    return args.model.with_name(manifest["file"]), manifest, pictures_of(args.data, only)


def main() -> None:
    onnx, manifest, paths = read_arguments(__doc__.splitlines()[0])
    report(predict(onnx, manifest, paths), manifest)
    measure_speed(onnx, manifest)


if __name__ == "__main__":
    main()
