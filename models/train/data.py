"""Pictures on disk to uint8 arrays in memory, and which of them an epoch shows.

Every picture is decoded once, squashed to a square, and kept in a cache file: decoding again in
each epoch would cost as much as learning. Squashing keeps the edges of tall screens and of wide
groups, and takes the picture's shape away as a (too easy) clue to its class.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from preprocess import fit, open_upright

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
# What the weights that training begins with were trained on: values from -1 to 1.
MEAN = [0.5, 0.5, 0.5]
STD = [0.5, 0.5, 0.5]


def input_spec(size: int) -> dict:
    """The `input` part of the manifest; training, evaluation and server all follow it."""
    return {
        "name": "input",
        "width": size,
        "height": size,
        "layout": "nchw",
        "channels": "rgb",
        "resize": "fill",
        "kernel": "cubic",
        "scale": 1 / 255,
        "mean": MEAN,
        "std": STD,
    }


def source_of(path: Path) -> str:
    """`intel-forest-12.jpg` and `lspcrop-3.jpg` are of the sources `intel` and `lsp`."""
    return path.stem.split("-")[0].removesuffix("crop")


def list_pictures(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob("*/*") if p.suffix.lower() in SUFFIXES)


@dataclass
class Pictures:
    pixels: torch.Tensor  # uint8, N x H x W x 3
    classes: torch.Tensor
    labels: list[str]
    sources: list[str]


def is_copy(path: Path) -> bool:
    """`lspcrop-3.jpg` is a crop of another training picture: worth learning, not measuring."""
    return path.stem.split("-")[0].endswith("crop")


def load_pictures(folder: Path, size: int, cache: Path, leave_out=(), only=None) -> Pictures:
    """All pictures of folder/<class>/ at one size, without those of the sources left out.

    `only` asks for nothing but the originals (no crops) of the sources it names.
    """
    paths = list_pictures(folder)
    if not paths:
        raise SystemExit(f"no pictures under {folder}")
    pixels = _cached_pixels(paths, size, cache)
    labels = sorted({p.parent.name for p in paths})
    keep = [i for i, p in enumerate(paths) if source_of(p) not in leave_out]
    if only is not None:
        keep = [i for i in keep if source_of(paths[i]) in only and not is_copy(paths[i])]
    if len(keep) < len(paths):
        pixels = pixels[keep]
    return Pictures(
        torch.from_numpy(pixels),
        torch.tensor([labels.index(paths[i].parent.name) for i in keep]),
        labels,
        [source_of(paths[i]) for i in keep],
    )


def _cached_pixels(paths: list[Path], size: int, cache: Path) -> np.ndarray:
    listing = "\n".join(f"{p.resolve()} {p.stat().st_mtime_ns}" for p in paths)
    key = hashlib.sha256(f"{size}\n{listing}".encode()).hexdigest()[:16]
    file = cache / f"{paths[0].parent.parent.name}-{size}-{key}.npy"
    if not file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        spec = input_spec(size)
        pixels = np.empty((len(paths), size, size, 3), np.uint8)
        for index, path in enumerate(paths):
            pixels[index] = fit(open_upright(path), spec)
            if index % 2000 == 0:
                print(f"decoding {paths[0].parent.parent.name}: {index}/{len(paths)}", flush=True)
        unfinished = file.with_suffix(f".{os.getpid()}.part.npy")
        np.save(unfinished, pixels)
        unfinished.rename(file)
    return np.load(file)


def sampling_weights(pictures: Pictures, power: float = 0.5) -> torch.Tensor:
    """Every class equally often; within a class, small sources more often than their share.

    A source of n pictures weighs n ** power: the few pictures from elsewhere teach more about
    strangers' photos than another hundred of the same series.
    """
    weights = torch.zeros(len(pictures.sources), dtype=torch.double)
    groups: dict[tuple[int, str], list[int]] = {}
    for index, key in enumerate(zip(pictures.classes.tolist(), pictures.sources)):
        groups.setdefault(key, []).append(index)
    for members in groups.values():
        weights[members] = len(members) ** (power - 1)
    for label in range(len(pictures.labels)):
        of_class = pictures.classes == label
        weights[of_class] /= weights[of_class].sum().clamp(min=1e-9)
    return weights
