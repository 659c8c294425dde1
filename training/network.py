"""The network: a small U-Net that works at half the resolution it reads and writes.

The input's 2x2 blocks become channels, and the answer is spread out again (Shi et al. 2016,
doi:10.1109/CVPR.2016.207), so that the most expensive layer is saved. Skips are added, not
stacked (Ronneberger et al. 2015, doi:10.1007/978-3-319-24574-4_28, stacked them). At the bottom,
wide dilated layers see the whole frame.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

WIDTHS = (16, 32, 64, 96, 128)
OUTPUTS = ("core", "shed", "edge", "centre")


def block(inside: int, outside: int, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, padding=dilation, dilation=dilation, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(inplace=True),
    )


class Residual(nn.Module):
    """Two convolutions and a way around them."""

    def __init__(self, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = block(width, width, dilation)
        self.second = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.second(self.first(x)))


class Segmenter(nn.Module):
    """Four-channel regions in, four maps of logits out."""

    def __init__(self, channels: int = 4, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        self.stem = block(4 * channels, widths[0])
        self.down = nn.ModuleList()
        self.side = nn.ModuleList()
        self.up = nn.ModuleList()
        for above, below in pairwise(widths):
            self.down.append(
                nn.Sequential(nn.MaxPool2d(2), block(above, below), block(below, below))
            )
            self.side.append(
                nn.Sequential(nn.Conv2d(below, above, 1, bias=False), nn.BatchNorm2d(above))
            )
            self.up.append(block(above, above))
        self.first = block(widths[0], widths[0])
        self.bottom = nn.Sequential(Residual(widths[-1], 2), Residual(widths[-1], 4))
        self.last = block(widths[0], widths[0])
        self.head = nn.Conv2d(widths[0], 4 * len(OUTPUTS), 1)

    def features(self, x: Tensor) -> Tensor:
        """Compute what the head weighs: (n, 16, y / 2, x / 2), none below zero."""
        x = self.first(self.stem(nn.functional.pixel_unshuffle(x, 2)))
        skips = []
        for down in self.down:
            skips.append(x)
            x = down(x)
        x = self.bottom(x)
        for side, up, skip in zip(
            reversed(self.side), reversed(self.up), reversed(skips), strict=True
        ):
            x = nn.functional.interpolate(side(x), scale_factor=2, mode="nearest")
            x = up(torch.relu(x + skip))
        features: Tensor = self.last(x)
        return features

    def spread(self, features: Tensor) -> Tensor:
        """Logits of the maps at the input's resolution."""
        return nn.functional.pixel_shuffle(self.head(features), 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.spread(self.features(x))


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())
