"""One training run: first the head, then all but the first blocks, and part of the way back."""

import argparse
import copy
import math
import time

import torch
from torch.nn import functional as F

from augment import distort, mix, normalise
from checkpoints import write_checkpoint
from data import Pictures
from network import AlbumNet, imagenet_weights

# Of the run; before that only the head learns, since what a blank head asks of the rest is noise.
HEAD_ENDS = 1 / 3
HEAD_RATE = 2e-3
# Edges and textures are learnt better from a million photos than from ours: these blocks stay.
FROZEN_BLOCKS = 5
MIXING_ENDS = 0.88  # The last steps see unmixed pictures, as in use.
# What is kept lies between the network with its first head (0) and the fine-tuned one (1), which
# has unlearnt something about pictures of other sources. Wortsman et al., "Robust fine-tuning of
# zero-shot models" (2022); leave_out.py measures it.
BLEND = 0.6
PAUSE_SECONDS = 60  # A longer gap between two batches is a paused process, and not counted.


class Averaged:
    """Exponential average of the weights."""

    def __init__(self, net: AlbumNet, decay: float = 0.99):
        self.net, self.decay, self.steps = copy.deepcopy(net).eval(), decay, 0

    def update(self, net: AlbumNet) -> None:
        self.steps += 1
        blend(self.net, net, 1 - min(self.decay, (1 + self.steps) / (10 + self.steps)))


@torch.no_grad()
def blend(net: AlbumNet, other: AlbumNet, share: float) -> AlbumNet:
    """Moves the weights of `net` by that share towards those of the other."""
    for weight, target in zip(net.parameters(), other.parameters()):
        weight.lerp_(target, share)
    return net


class Training:
    def __init__(self, args: argparse.Namespace, labels: list[str], device: torch.device):
        self.args, self.labels, self.device = args, labels, device
        torch.manual_seed(args.seed)
        self.net = AlbumNet(len(labels))
        self.net.begin_with(imagenet_weights())
        self.net = self.net.to(device, memory_format=torch.channels_last)
        for part in (self.net.stem, self.net.blocks[:FROZEN_BLOCKS]):
            part.requires_grad_(False)
        self.first = copy.deepcopy(self.net).eval()  # With the head as it is at HEAD_ENDS.
        self.average = Averaged(self.net)
        learning = [p for p in self.net.parameters() if p.requires_grad]
        weights = [p for p in learning if p.ndim > 1]
        biases = [p for p in learning if p.ndim == 1]
        self.optimiser = torch.optim.AdamW(
            [{"params": weights, "weight_decay": 0.02}, {"params": biases, "weight_decay": 0}],
            lr=args.rate)  # fmt: skip
        self.epoch, self.seconds = 0, 0.0
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
        if progress < HEAD_ENDS:
            rate = HEAD_RATE * (1 - 0.9 * progress / HEAD_ENDS)
        else:
            along = (progress - HEAD_ENDS) / (1 - HEAD_ENDS)
            warm = min(1.0, along / 0.05)
            rate = self.args.rate * warm * (0.01 + 0.99 * (1 + math.cos(math.pi * along)) / 2)
        for group in self.optimiser.param_groups:
            group["lr"] = rate

    def result(self) -> AlbumNet:
        """What is measured and shipped."""
        return blend(copy.deepcopy(self.first), self.average.net, BLEND)

    def save(self, accuracy: float) -> None:
        described = {
            "labels": self.labels,
            "size": self.args.size,
            "epoch": self.epoch,
            "left_out": self.args.leave_out,
            "weights": self.result().state_dict(),
            "accuracy": accuracy,
        }
        write_checkpoint(described, self.args.out / "result.pt")
        state = {
            "net": self.net.state_dict(),
            "first": self.first.state_dict(),
            "average": self.average.net.state_dict(),
            "steps": self.average.steps,
            "optimiser": self.optimiser.state_dict(),
            "epoch": self.epoch,
            "seconds": self.elapsed(),
        }
        write_checkpoint(state, self.args.out / "last.pt")

    def resume(self) -> None:
        file = self.args.out / "last.pt"
        if file.exists():
            state = torch.load(file, map_location=self.device)
            self.net.load_state_dict(state["net"])
            self.first.load_state_dict(state["first"])
            self.average.net.load_state_dict(state["average"])
            self.average.steps = state["steps"]
            self.optimiser.load_state_dict(state["optimiser"])
            self.epoch, self.seconds = state["epoch"], state["seconds"]
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
            total += self.step(pictures, batch, progress)
            if progress >= 1:
                break
        return total / (index + 1)

    def step(self, pictures: Pictures, batch: torch.Tensor, progress: float) -> float:
        """Learns from one batch; returns its loss."""
        self.set_rate(progress)
        only_head = progress < HEAD_ENDS
        x = distort(pictures.pixels[batch].to(self.device), self.args.size)
        targets = F.one_hot(pictures.classes[batch], len(self.labels)).float().to(self.device)
        if not only_head and progress < MIXING_ENDS:
            x, targets = mix(x, targets)
        x = x.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16):
            with torch.set_grad_enabled(not only_head):
                features = self.net.features(x)
            logits = self.net.head(self.net.dropout(features))
        loss = F.cross_entropy(logits.float(), targets, label_smoothing=0.06)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.average.update(self.net)
        if only_head:
            self.first.head.load_state_dict(self.net.head.state_dict())
        return loss.item()

    def accuracy(self, pictures: Pictures) -> float:
        called = answers(self.result(), pictures, self.device).argmax(1)
        return (called == pictures.classes).float().mean().item()


@torch.no_grad()
def answers(net: AlbumNet, pictures: Pictures, device: torch.device) -> torch.Tensor:
    """The network's logits for pictures of its input size, N x classes."""
    logits = []
    for pixels in pictures.pixels.split(256):
        x = normalise(pixels.to(device).permute(0, 3, 1, 2).float().div(255))
        logits.append(net(x.contiguous(memory_format=torch.channels_last)).cpu())
    return torch.cat(logits)
