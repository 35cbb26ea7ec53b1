"""What the numbers of distilled pixels mean, and the way back to raw ones: 0 black, 1 white, not clamped.

`raw01` is raw already. `norm_dc` is (x − mean) / std with the statistics of the DC family (arXiv 2006.05929), whose std
for CIFAR-10 is the mean of the pictures' own; `norm_true` with those of the pixels. `zca_*` are whitenings, see
`rd3.data.whitening`.
"""

from __future__ import annotations

from typing import Literal

PixelSpace = Literal["raw01", "norm_dc", "norm_true", "zca_kornia", "zca_kip", "zca_frepo"]

NO_WAY_BACK: frozenset[PixelSpace] = frozenset({"zca_kip"})
