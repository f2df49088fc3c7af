"""Measures the recipe on sources that it has not seen, which is the number to believe.

    python3 leave_out.py --data DIR --out OUT [--folds 6] [--together lsp,composite]

Splits the sources into as many groups as there are folds, trains without each group, and asks the
result about the pictures of exactly that group, crops left out. Run again with the same --out to
go on after an interruption; folds that are done are only read. The models are thrown away: what is
measured is the recipe, at the given length.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from checkpoints import read_net
from data import Pictures, is_copy, list_pictures, load_pictures, source_of
from evaluate import Predictions, confidence_of, join, report_calibration, report_classes
from evaluate import report_sources, report_sureness
from export import choose_unsure, fit_temperature
from split_sources import split_sources
from train import add_arguments, names, train
from training import answers


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folds", type=int, default=6)
    parser.add_argument("--fold", type=int, help="this one only, counted from 1")
    parser.add_argument("--together", type=names, action="append", default=[],
                        help="sources of one origin, hidden as one; may be repeated")  # fmt: skip
    parser.add_argument("--precision", type=float, default=0.95, help="wanted when not unsure")
    add_arguments(parser)
    return parser.parse_args()


def count_pictures(data: Path) -> dict[str, dict[str, int]]:
    """Originals by class and source, of train and val together."""
    counts: dict[str, dict[str, int]] = {}
    for part in ("train", "val"):
        for path in list_pictures(data / part):
            of_class = counts.setdefault(path.parent.name, {})
            of_class[source_of(path)] = of_class.get(source_of(path), 0) + (not is_copy(path))
    return counts


def ask(net: torch.nn.Module, pictures: Pictures, device: torch.device) -> Predictions:
    logits = answers(net, pictures, device).numpy()
    return Predictions(logits, pictures.classes.numpy(), pictures.labels, pictures.sources)


def measure_fold(args: argparse.Namespace, hidden: list[str]) -> Predictions:
    """Calibrated logits for the hidden sources, from the checkpoint in args.out."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    size, cache = args.size, args.cache
    known = load_pictures(args.data / "val", size, cache, hidden)
    net = read_net(args.out / "result.pt", known.labels, device)
    own = ask(net, known, device)
    temperature = fit_temperature(own)
    parts = [load_pictures(args.data / p, size, cache, only=hidden) for p in ("train", "val")]
    asked = [ask(net, part, device) for part in parts]
    print(f"{args.out}: temperature {temperature}, unsure under "
          f"{choose_unsure(own, temperature, args.precision)} by its own val")  # fmt: skip
    result = join(asked)
    result.logits /= temperature
    return result


def run_fold(args: argparse.Namespace, index: int, hidden: list[str]) -> Predictions:
    fold = argparse.Namespace(**vars(args) | {"out": args.out / f"fold-{index}"})
    fold.leave_out, fold.cache = hidden, args.cache or args.out / "cache"
    file = fold.out / "answers.npz"
    if not file.exists():
        print(f"\nfold {index}: without {', '.join(hidden)}", flush=True)
        train(fold)
        result = measure_fold(fold, hidden)
        np.savez(file, **vars(result))
    saved = np.load(file)
    if sorted(set(saved["sources"].tolist())) != hidden:
        raise SystemExit(f"{file} is of another split: give another --out")
    return Predictions(*(saved[k] for k in ("logits", "truth")), saved["labels"].tolist(),
                       saved["sources"].tolist())  # fmt: skip


def report(result: Predictions) -> None:
    """The tables, with every fold's logits already divided by its own temperature."""
    confidence, right = confidence_of(result, 1.0)
    print(f"\n{len(right)} pictures of {len(set(result.sources))} sources left out: "
          f"top-1 {right.mean():.4f}")  # fmt: skip
    sources = np.array(result.sources)
    means = [right[sources == source].mean() for source in sorted(set(sources))]
    print(f"mean over sources {np.mean(means):.4f}\n\n| class | mean over its sources |\n|---|---|")
    for index, label in enumerate(result.labels):
        parts = [right[(sources == source) & (result.truth == index)] for source in set(sources)]
        if any(map(len, parts)):
            print(f"| {label} | {np.mean([part.mean() for part in parts if len(part)]):.3f} |")
    print()
    report_classes(result)
    report_calibration(confidence, right)
    report_sources(result, right)
    for precision in (0.8, 0.85, 0.9, 0.95):
        threshold = choose_unsure(result, 1.0, precision)
        report_sureness(confidence, right, threshold)


def main() -> None:
    args = arguments()
    folds, unseen = split_sources(count_pictures(args.data), args.folds, args.together)
    print(f"never left out, since a class has no other source: {', '.join(unseen) or 'none'}")
    chosen = [args.fold] if args.fold else range(1, args.folds + 1)
    done = [run_fold(args, index, folds[index - 1]) for index in chosen]
    report(join(done))


if __name__ == "__main__":
    main()
