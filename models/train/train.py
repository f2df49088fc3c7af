"""Trains the album classifier from scratch.

    python3 train.py --data DIR --out DIR [--minutes 90]

DIR/train/<class>/ and DIR/val/<class>/ hold the pictures. Run again with the same --out to go on
after an interruption. OUT/best.pt is what export.py turns into the shipped model.
"""

import argparse
import copy
import math
import os
import time
from pathlib import Path

import torch
from torch.nn import functional as F

from augment import distort, mix, normalise
from data import Pictures, load_pictures, sampling_weights
from network import AlbumNet

CACHE_SIZE = 160
# Most of the learning happens on small pictures, which cost half; the end is on full-size ones.
SIZES = ((0.55, 96), (0.9, 112), (1.0, 128))
INPUT_SIZE = SIZES[-1][1]
MIXING_ENDS = 0.88  # The last steps see unmixed pictures, as in use.


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with train/ and val/")
    parser.add_argument("--out", type=Path, required=True, help="checkpoints and decoded pictures")
    parser.add_argument("--epochs", type=int, default=90)
    parser.add_argument("--minutes", type=float, default=math.inf, help="end by then, annealed")
    parser.add_argument("--leave-out", default="", help="sources to hide, e.g. lsp,webtemplate")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=0.12, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    return parser.parse_args()


def hidden_sources(args: argparse.Namespace) -> list[str]:
    return sorted(filter(None, args.leave_out.split(",")))


class Averaged:
    """Exponential average of weights and batch norm statistics: what is measured and shipped."""

    def __init__(self, net: AlbumNet, decay: float = 0.995):
        self.net, self.decay, self.steps = copy.deepcopy(net).eval(), decay, 0

    @torch.no_grad()
    def update(self, net: AlbumNet) -> None:
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for mean, now in zip(self.net.state_dict().values(), net.state_dict().values()):
            if mean.is_floating_point():
                mean.lerp_(now, 1 - decay)
            else:
                mean.copy_(now)


class Training:
    def __init__(self, args: argparse.Namespace, labels: list[str], device: torch.device):
        self.args, self.labels, self.device = args, labels, device
        torch.manual_seed(args.seed)
        self.net = AlbumNet(len(labels)).to(device, memory_format=torch.channels_last)
        self.average = Averaged(self.net)
        weights = [p for p in self.net.parameters() if p.ndim > 1]
        others = [p for p in self.net.parameters() if p.ndim <= 1]
        self.optimiser = torch.optim.SGD(
            [{"params": weights, "weight_decay": 5e-4}, {"params": others}],
            lr=args.rate, momentum=0.9, nesterov=True)  # fmt: skip
        self.epoch, self.best, self.seconds = 0, 0.0, 0.0
        self.begun = time.monotonic()

    def elapsed(self) -> float:
        return self.seconds + time.monotonic() - self.begun

    def progress(self, part: float) -> float:
        """0 to 1 by epochs or by the clock, whichever is further: the rate always anneals."""
        by_epochs = (self.epoch + part) / self.args.epochs
        return min(1.0, max(by_epochs, self.elapsed() / (self.args.minutes * 60)))

    def set_rate(self, progress: float) -> None:
        warm = min(1.0, progress / 0.04)
        rate = self.args.rate * warm * (0.002 + 0.998 * (1 + math.cos(math.pi * progress)) / 2)
        for group in self.optimiser.param_groups:
            group["lr"] = rate

    def save(self, accuracy: float) -> None:
        described = {
            "labels": self.labels,
            "size": INPUT_SIZE,
            "epoch": self.epoch,
            "left_out": hidden_sources(self.args),
        }
        averaged = described | {"weights": self.average.net.state_dict(), "accuracy": accuracy}
        if accuracy >= self.best:
            self.best = accuracy
            write(averaged, self.args.out / "best.pt")
        state = {
            "net": self.net.state_dict(),
            "average": self.average.net.state_dict(),
            "steps": self.average.steps,
            "optimiser": self.optimiser.state_dict(),
            "epoch": self.epoch,
            "best": self.best,
            "seconds": self.elapsed(),
        }
        write(state, self.args.out / "last.pt")

    def resume(self) -> None:
        file = self.args.out / "last.pt"
        if file.exists():
            state = torch.load(file, map_location=self.device)
            self.net.load_state_dict(state["net"])
            self.average.net.load_state_dict(state["average"])
            self.average.steps = state["steps"]
            self.optimiser.load_state_dict(state["optimiser"])
            self.epoch, self.best = state["epoch"], state["best"]
            self.seconds = state["seconds"]
            print(f"going on after epoch {self.epoch}", flush=True)

    def run_epoch(self, pictures: Pictures, weights: torch.Tensor) -> float:
        """One pass over as many draws as there are pictures; returns the mean loss."""
        # Seeded anew each epoch, so that a resumed run draws what an unbroken one would have.
        torch.manual_seed(self.args.seed * 1000 + self.epoch)
        self.net.train()
        draws = torch.multinomial(weights, len(weights), replacement=True)
        batches = draws[: len(draws) // self.args.batch * self.args.batch].split(self.args.batch)
        total = 0.0
        for index, batch in enumerate(batches):
            progress = self.progress(index / len(batches))
            self.set_rate(progress)
            size = next(size for end, size in SIZES if progress <= end)
            x = distort(pictures.pixels[batch].to(self.device), size)
            targets = F.one_hot(pictures.classes[batch], len(self.labels)).float().to(self.device)
            if progress < MIXING_ENDS:
                x, targets = mix(x, targets)
            x = x.contiguous(memory_format=torch.channels_last)
            with torch.autocast(self.device.type, torch.bfloat16):
                logits = self.net(x)
            loss = F.cross_entropy(logits.float(), targets, label_smoothing=0.06)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.optimiser.step()
            self.average.update(self.net)
            total += loss.item()
            if progress >= 1:
                break
        return total / (index + 1)

    @torch.no_grad()
    def accuracy(self, pictures: Pictures) -> float:
        right = 0
        for pixels, classes in zip(pictures.pixels.split(256), pictures.classes.split(256)):
            x = normalise(pixels.to(self.device).permute(0, 3, 1, 2).float().div(255))
            x = x.contiguous(memory_format=torch.channels_last)
            right += (self.average.net(x).argmax(1).cpu() == classes).sum().item()
        return right / len(pictures.classes)


def write(state: dict, file: Path) -> None:
    unfinished = file.with_suffix(".part")
    torch.save(state, unfinished)
    unfinished.replace(file)


def main() -> None:
    args = arguments()
    torch.set_num_threads(args.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    hidden = hidden_sources(args)
    cache = args.out / "cache"
    pictures = load_pictures(args.data / "train", CACHE_SIZE, cache, hidden)
    checks = load_pictures(args.data / "val", INPUT_SIZE, cache, hidden)
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
    main()
