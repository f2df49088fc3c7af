"""The network: a small residual network of plain 3x3 convolutions.

Depthwise blocks win on operations but lose on processor time, above all when training: they
move memory instead of multiplying. Dense convolutions with few channels learn more per second
on a CPU, and batch norm folds into them for the export.
"""

import torch
from torch import nn


class ConvNorm(nn.Sequential):
    """Convolution and batch norm; `fold` turns the pair into one convolution."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1):
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def fold(self) -> nn.Conv2d:
        conv, norm = self[0], self[1]
        folded = nn.Conv2d(
            conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding
        )
        gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        folded.weight.data = conv.weight.data * gain.data[:, None, None, None]
        folded.bias.data = (norm.bias - norm.running_mean * gain).data
        return folded


class Gate(nn.Module):
    """Squeeze-and-excite: channels weighted by what the whole picture shows."""

    def __init__(self, channels: int):
        super().__init__()
        self.down = nn.Linear(channels, channels // 8)
        self.up = nn.Linear(channels // 8, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = torch.sigmoid(self.up(torch.relu(self.down(x.mean((2, 3))))))
        return x * weight[:, :, None, None]


class Block(nn.Module):
    """Two 3x3 convolutions around a shortcut, which averages where the size halves."""

    def __init__(self, inputs: int, outputs: int, stride: int, gate: bool):
        super().__init__()
        self.first = ConvNorm(inputs, outputs, 3, stride)
        self.second = ConvNorm(outputs, outputs)
        self.gate = Gate(outputs) if gate else nn.Identity()
        self.shortcut = nn.Identity()
        if stride > 1 or inputs != outputs:
            # Rounded up, as the convolution does where the size is odd.
            pool = nn.AvgPool2d(stride, ceil_mode=True)
            self.shortcut = nn.Sequential(pool, ConvNorm(inputs, outputs, 1))
        # A block starts as its shortcut: deep stacks then learn from the first step.
        nn.init.zeros_(self.second[1].weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.gate(self.second(torch.relu(self.first(x))))
        return torch.relu(y + self.shortcut(x))


class AlbumNet(nn.Module):
    """Logits for a batch of normalised pictures; any input size from 64 px works."""

    def __init__(
        self, classes: int, widths=(24, 40, 80, 128, 160), depths=(1, 2, 2, 1), dropout=0.2
    ):
        super().__init__()
        self.stem = ConvNorm(3, widths[0], 3, 2)
        blocks: list[nn.Module] = []
        channels = widths[0]
        for stage, (width, depth) in enumerate(zip(widths[1:], depths)):
            for index in range(depth):
                blocks.append(Block(channels, width, 2 if index == 0 else 1, gate=stage > 0))
                channels = width
        self.blocks = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.blocks(torch.relu(self.stem(x)))
        return self.head(self.dropout(x.mean((2, 3))))


def fold_norms(module: nn.Module) -> nn.Module:
    """Replaces every convolution and batch norm pair by one convolution, in place."""
    for name, child in module.named_children():
        setattr(module, name, child.fold() if isinstance(child, ConvNorm) else fold_norms(child))
    return module
