"""Checkpoint files: written whole or not at all, and read back for the labels at hand."""

from pathlib import Path

import torch

from network import AlbumNet


def write_checkpoint(state: dict, file: Path) -> None:
    unfinished = file.with_suffix(".part")
    torch.save(state, unfinished)
    unfinished.replace(file)


def read_net(file: Path, labels: list[str], device: torch.device) -> AlbumNet:
    """The network of a checkpoint, ready to answer for the labels at hand."""
    checkpoint = torch.load(file, map_location=device)
    if checkpoint["labels"] != labels:
        raise SystemExit(f"{file} was trained for {checkpoint['labels']}, not {labels}")
    net = AlbumNet(len(labels)).to(device, memory_format=torch.channels_last)
    net.load_state_dict(checkpoint["weights"])
    return net.eval()
