"""One training run: network, averaged weights, optimiser, schedule, and its checkpoints."""

import argparse
import copy
import math
import time

import torch
from torch.nn import functional as F

from augment import distort, mix, normalise
from checkpoints import read_net, read_weights, write_checkpoint
from data import Pictures
from network import AlbumNet

STAGES = (0.55, 0.9, 1.0)  # Up to which part of the run each of the sizes is trained at.
TEACHER_SHARE = 0.5  # The rest of the loss is the labels'.
PAUSE_SECONDS = 60  # A longer gap between two batches is a paused process, and not counted.
MIXING_ENDS = 0.88  # The last steps see unmixed pictures, as in use.


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
        if args.start:
            self.net.load_state_dict(read_weights(args.start, labels, device))
        self.teachers = [read_net(file, labels, device) for file in args.teacher]
        self.average = Averaged(self.net)
        weights = [p for p in self.net.parameters() if p.ndim > 1]
        others = [p for p in self.net.parameters() if p.ndim <= 1]
        self.optimiser = torch.optim.SGD(
            [{"params": weights, "weight_decay": 5e-4}, {"params": others}],
            lr=args.rate, momentum=0.9, nesterov=True)  # fmt: skip
        self.epoch, self.best, self.seconds = 0, 0.0, 0.0
        self.seen = time.monotonic()

    def elapsed(self) -> float:
        """Seconds of training so far, those of earlier processes included."""
        now = time.monotonic()
        self.seconds += min(now - self.seen, PAUSE_SECONDS)
        self.seen = now
        return self.seconds

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
            "size": self.args.sizes[-1],
            "epoch": self.epoch,
            "left_out": self.args.leave_out,
        }
        averaged = described | {"weights": self.average.net.state_dict(), "accuracy": accuracy}
        if accuracy >= self.best:
            self.best = accuracy
            write_checkpoint(averaged, self.args.out / "best.pt")
        state = {
            "net": self.net.state_dict(),
            "average": self.average.net.state_dict(),
            "steps": self.average.steps,
            "optimiser": self.optimiser.state_dict(),
            "epoch": self.epoch,
            "best": self.best,
            "seconds": self.elapsed(),
        }
        write_checkpoint(state, self.args.out / "last.pt")

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
            size = next(s for end, s in zip(STAGES, self.args.sizes) if progress <= end)
            x = distort(pictures.pixels[batch].to(self.device), size)
            targets = F.one_hot(pictures.classes[batch], len(self.labels)).float().to(self.device)
            if progress < MIXING_ENDS:
                x, targets = mix(x, targets)
            x = x.contiguous(memory_format=torch.channels_last)
            with torch.autocast(self.device.type, torch.bfloat16):
                logits = self.net(x)
            loss = F.cross_entropy(logits.float(), targets, label_smoothing=0.06)
            if self.teachers:
                loss = (1 - TEACHER_SHARE) * loss + TEACHER_SHARE * self.distance(x, logits)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.optimiser.step()
            self.average.update(self.net)
            total += loss.item()
            if progress >= 1:
                break
        return total / (index + 1)

    def distance(self, x: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        """Cross-entropy against the teachers' mean answers for the very same distorted pictures."""
        with torch.no_grad(), torch.autocast(self.device.type, torch.bfloat16):
            answers = [teacher(x).float().softmax(1) for teacher in self.teachers]
        return F.cross_entropy(logits.float(), torch.stack(answers).mean(0))

    def accuracy(self, pictures: Pictures) -> float:
        called = answers(self.average.net, pictures, self.device).argmax(1)
        return (called == pictures.classes).float().mean().item()


@torch.no_grad()
def answers(net: AlbumNet, pictures: Pictures, device: torch.device) -> torch.Tensor:
    """The network's logits for pictures of its input size, N x classes."""
    logits = []
    for pixels in pictures.pixels.split(256):
        x = normalise(pixels.to(device).permute(0, 3, 1, 2).float().div(255))
        logits.append(net(x.contiguous(memory_format=torch.channels_last)).cpu())
    return torch.cat(logits)
