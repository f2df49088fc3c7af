"""Changes made to training batches, on tensors, so that they run wherever the network runs.

`distort` takes uint8 pictures N x S x S x 3 and returns normalised float ones N x 3 x size x size.
Sharpness, size and compression are shuffled on purpose: many classes come from few sources, and
each source has its own.
"""

import math

import torch
from torch.nn import functional as F

from data import MEAN, STD

# JPEG's standard luminance table; used for colour too, which is harsher than real encoders.
QUANTISATION = torch.tensor(
    [[16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55],
     [14, 13, 16, 24, 40, 57, 69, 56], [14, 17, 22, 29, 51, 87, 80, 62],
     [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
     [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99]],
    dtype=torch.float32,
)  # fmt: skip
_k = torch.arange(8.0)
_dct = torch.cos((2 * _k[None, :] + 1) * _k[:, None] * math.pi / 16) * 0.5
_dct[0] /= math.sqrt(2)
# Both directions in one 64x64 matrix: one large product is far quicker than many small ones.
DCT = torch.kron(_dct, _dct)
GREY = torch.tensor([0.299, 0.587, 0.114])


def uniform(count: int, low: float, high: float, like: torch.Tensor) -> torch.Tensor:
    return torch.empty(count, device=like.device).uniform_(low, high)


def distort(pixels: torch.Tensor, size: int) -> torch.Tensor:
    x = pixels.permute(0, 3, 1, 2).float().div_(255)
    x = crop(x, size)
    x = some(x, 0.2, rescale)
    x = some(x, 0.2, rescale)
    x = some(x, 0.25, sharpness)
    x = some(x, 0.3, jpeg)
    x = some(x, 0.1, lambda part: part + torch.randn_like(part) * 0.04)
    x = colour(x)
    x = normalise(x.clamp_(0, 1))
    return some(x, 0.25, erase)


def normalise(x: torch.Tensor) -> torch.Tensor:
    mean = torch.tensor(MEAN, device=x.device).view(1, 3, 1, 1)
    std = torch.tensor(STD, device=x.device).view(1, 3, 1, 1)
    return (x - mean) / std


def some(x: torch.Tensor, share: float, change) -> torch.Tensor:
    """Applies a change to a random share of the batch."""
    chosen = torch.randperm(len(x), device=x.device)[: round(len(x) * share)]
    if len(chosen):
        x[chosen] = change(x[chosen])
    return x


def crop(x: torch.Tensor, size: int) -> torch.Tensor:
    """Random part of the picture (35-100 % of it), stretched, turned by up to 9 degrees, flipped.

    One resampling does it all, hence only one loss of sharpness.
    """
    n = len(x)
    side = uniform(n, 0.35, 1.0, x).sqrt()
    stretch = uniform(n, -0.17, 0.17, x).exp()
    width, height = (side * stretch).clamp(max=1), (side / stretch).clamp(max=1)
    angle = uniform(n, -0.16, 0.16, x) * (torch.rand(n, device=x.device) < 0.5)
    flip = torch.where(torch.rand(n, device=x.device) < 0.5, -1.0, 1.0)
    theta = torch.stack(
        [
            width * angle.cos() * flip, -height * angle.sin(), (1 - width) * uniform(n, -1, 1, x),
            width * angle.sin() * flip, height * angle.cos(), (1 - height) * uniform(n, -1, 1, x),
        ],
        dim=1,
    ).view(n, 2, 3)  # fmt: skip
    grid = F.affine_grid(theta, [n, 3, size, size], align_corners=False)
    return F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)


def rescale(x: torch.Tensor) -> torch.Tensor:
    """A picture that was once smaller: down, then up again."""
    size = x.shape[-1]
    small = int(size * torch.empty(1).uniform_(0.35, 0.9))
    mode = ("bilinear", "bicubic")[int(torch.randint(2, (1,)))]
    down = F.interpolate(x, (small, small), mode=mode, antialias=True)
    return F.interpolate(down, (size, size), mode=mode).clamp_(0, 1)


def sharpness(x: torch.Tensor) -> torch.Tensor:
    """Blurred or over-sharpened, each picture by its own amount."""
    blurred = x
    for _ in range(2):
        blurred = F.avg_pool2d(blurred, 3, 1, 1, count_include_pad=False)
    amount = uniform(len(x), -1.0, 1.0, x).view(-1, 1, 1, 1)
    return (x + amount * (blurred - x)).clamp_(0, 1)


def jpeg(x: torch.Tensor) -> torch.Tensor:
    """Compression artefacts: 8x8 cosine blocks rounded as JPEG does at quality 15-85."""
    n, _, size, _ = x.shape
    dct, table = DCT.to(x.device), QUANTISATION.to(x.device)
    quality = uniform(n, 15, 85, x)
    factor = torch.where(quality < 50, 50 / quality, 2 - quality / 50)
    step = (table.flatten() * factor.view(-1, 1)).clamp_(min=1).view(n, 1, 64)
    luma = (x * GREY.to(x.device).view(1, 3, 1, 1)).sum(1, keepdim=True)
    planes = torch.cat([luma, x[:, :1] - luma, x[:, 2:] - luma], 1) * 255
    blocks = planes.view(n, 3, size // 8, 8, size // 8, 8).transpose(3, 4).reshape(n, -1, 64)
    blocks = torch.round(blocks @ dct.T / step).mul_(step) @ dct
    planes = blocks.view(n, 3, size // 8, size // 8, 8, 8).transpose(3, 4)
    planes = planes.reshape(n, 3, size, size) / 255
    luma, red, blue = planes[:, :1], planes[:, :1] + planes[:, 1:2], planes[:, :1] + planes[:, 2:]
    green = (luma - 0.299 * red - 0.114 * blue) / 0.587
    return torch.cat([red, green, blue], 1).clamp_(0, 1)


def colour(x: torch.Tensor) -> torch.Tensor:
    """Saturation, tint, contrast and brightness in one 3x3 matrix a picture; some turn grey."""
    n = len(x)
    saturation = uniform(n, 0.4, 1.6, x) * (torch.rand(n, device=x.device) > 0.06)
    saturation = saturation.view(-1, 1, 1)
    identity = torch.eye(3, device=x.device)
    matrix = saturation * identity + (1 - saturation) * GREY.to(x.device).expand(3, 3)
    tint = torch.empty(n, 3, 1, device=x.device).uniform_(0.88, 1.12)
    contrast = uniform(n, 0.6, 1.4, x).view(-1, 1, 1)
    matrix = matrix * tint * contrast
    offset = 0.5 * (1 - contrast) + uniform(n, -0.18, 0.18, x).view(-1, 1, 1)
    return torch.baddbmm(offset, matrix, x.flatten(2)).view_as(x)


def erase(x: torch.Tensor) -> torch.Tensor:
    """One rectangle of each picture becomes noise of one colour."""
    size = x.shape[-1]
    for picture in x:
        height, width = (torch.empty(2).uniform_(0.15, 0.45) * size).int().tolist()
        top = int(torch.randint(size - height, (1,)))
        left = int(torch.randint(size - width, (1,)))
        picture[:, top : top + height, left : left + width] = torch.randn(3, 1, 1, device=x.device)
    return x


def mix(x: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mixup for a fifth of the batches, cutmix for another fifth.

    Kept rare: two portraits in one picture teach the wrong thing about groups.
    """
    draw = float(torch.rand(1))
    if draw > 0.4:
        return x, targets
    order = torch.randperm(len(x), device=x.device)
    if draw < 0.2:
        share = float(torch.distributions.Beta(0.4, 0.4).sample())
        x = share * x + (1 - share) * x[order]
    else:
        size = x.shape[-1]
        side = int(size * math.sqrt(float(torch.empty(1).uniform_(0.1, 0.5))))
        top, left = torch.randint(size - side + 1, (2,)).tolist()
        window = (..., slice(top, top + side), slice(left, left + side))
        x[window] = x[order][window]
        share = 1 - side**2 / size**2
    return x, share * targets + (1 - share) * targets[order]
