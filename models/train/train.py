"""Fine-tunes an ImageNet network to sort pictures into the folders they lie in.

    python3 train.py --data DIR --out OUT [--epochs 3]

DIR/train/<class>/ and DIR/val/<class>/ hold the pictures. Run again with the same --out to go on
after an interruption. OUT/result.pt is what export.py turns into the shipped model.
"""

import argparse
import math
import os
import time
from pathlib import Path

import torch

from data import load_pictures, sampling_weights
from training import Training


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--leave-out", type=names, default=[], help="sources to hide: lsp,intel")
    add_arguments(parser)
    return parser.parse_args()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What every training run takes, whether one or several are made of it."""
    parser.add_argument("--data", type=Path, required=True, help="folder with train/ and val/")
    parser.add_argument("--out", type=Path, required=True, help="checkpoints and decoded pictures")
    parser.add_argument("--cache", type=Path, help="decoded pictures, if not in OUT/cache")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=math.inf, help="end by then, annealed")
    parser.add_argument("--size", type=size, default=192, help="of the input, a multiple of 32")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=3e-4, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())


def names(text: str) -> list[str]:
    return sorted(filter(None, text.split(",")))


def size(text: str) -> int:
    side = int(text)
    if side <= 0 or side % 32:
        raise argparse.ArgumentTypeError("a multiple of 32")
    return side


def train(args: argparse.Namespace) -> None:
    torch.set_num_threads(args.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    args.out.mkdir(parents=True, exist_ok=True)
    cache = args.cache or args.out / "cache"
    pictures = load_pictures(args.data / "train", args.size, cache, args.leave_out)
    checks = load_pictures(args.data / "val", args.size, cache, args.leave_out)
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
        spent = time.monotonic() - started
        by_epochs = spent * (args.epochs - training.epoch)
        left = max(0.0, min(by_epochs, args.minutes * 60 - training.elapsed())) / 60
        print(
            f"epoch {training.epoch:3d}  loss {loss:.3f}  val {accuracy:.4f}  {spent:.0f} s"
            f"  {training.progress(0):4.0%} done, about {left:.0f} min left at this pace",
            flush=True,
        )


if __name__ == "__main__":
    train(arguments())
