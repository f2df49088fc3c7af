"""Trains the album classifier from scratch.

    python3 train.py --data DIR --out OUT [--minutes 90]

DIR/train/<class>/ and DIR/val/<class>/ hold the pictures. Run again with the same --out to go on
after an interruption. OUT/best.pt is what export.py turns into the shipped model. A second
generation starts where the first one ended and learns from it, or from runs of several seeds:

    python3 train.py --data DIR --out OUT2 --start OUT/best.pt --teacher OUT/best.pt --rate 0.06
"""

import argparse
import math
import os
import time
from pathlib import Path

import torch

from data import load_pictures, sampling_weights
from training import Training

CACHE_SIZE = 160


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--leave-out", type=names, default=[], help="sources to hide: lsp,intel")
    parser.add_argument("--start", type=Path, help="checkpoint whose weights to begin with")
    parser.add_argument("--teacher", type=Path, nargs="+", default=[],
                        help="checkpoints whose mean answers to learn as well")  # fmt: skip
    add_arguments(parser)
    return parser.parse_args()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What every training run takes, whether one or several are made of it."""
    parser.add_argument("--data", type=Path, required=True, help="folder with train/ and val/")
    parser.add_argument("--out", type=Path, required=True, help="checkpoints and decoded pictures")
    parser.add_argument("--cache", type=Path, help="decoded pictures, if not in OUT/cache")
    parser.add_argument("--epochs", type=int, default=90)
    parser.add_argument("--minutes", type=float, default=math.inf, help="end by then, annealed")
    # Most of the learning happens on small pictures, which cost half; the end is on full-size ones.
    parser.add_argument("--sizes", type=sizes, default=[96, 112, 128], help="e.g. 96,112,128")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=0.12, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())


def names(text: str) -> list[str]:
    return sorted(filter(None, text.split(",")))


def sizes(text: str) -> list[int]:
    sides = [int(side) for side in text.split(",")]
    if len(sides) != 3 or any(side % 16 for side in sides):
        raise argparse.ArgumentTypeError("three multiples of 16")
    return sides


def train(args: argparse.Namespace) -> None:
    torch.set_num_threads(args.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    args.out.mkdir(parents=True, exist_ok=True)
    cache = args.cache or args.out / "cache"
    pictures = load_pictures(args.data / "train", CACHE_SIZE, cache, args.leave_out)
    checks = load_pictures(args.data / "val", args.sizes[-1], cache, args.leave_out)
    weights = sampling_weights(pictures)
    training = Training(args, pictures.labels, device)
    training.resume()
    print(f"{len(pictures.classes)} pictures, {device}, {args.threads} threads", flush=True)
    while training.progress(0) < 1:
        started = time.monotonic()
        loss = training.run_epoch(pictures, weights)
        training.epoch += 1
        accuracy = training.accuracy(checks)
        training.save(accuracy)
        progress, spent = training.progress(0), time.monotonic() - started
        left = training.elapsed() * (1 / progress - 1) / 60
        print(
            f"epoch {training.epoch:3d}  loss {loss:.3f}  val {accuracy:.4f}  {spent:.0f} s"
            f"  {progress:4.0%} done, about {left:.0f} min left",
            flush=True,
        )


if __name__ == "__main__":
    train(arguments())
