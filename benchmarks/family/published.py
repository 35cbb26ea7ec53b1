"""Published accuracies on CIFAR-10 in percent, of ResNet-18 as student and teacher.

All of them are second-hand: quoted by later papers and public notes, not read off the papers' own tables.
"""

from __future__ import annotations

from typing import Final

# RD3 (arXiv 2509.19743), IPC 50, every method under RD3's protocol.
RECTIFIED_50: Final = {"sre2l": 53.9, "cda": 54.5, "dwa": 59.9, "rded": 63.3, "edc": 64.8}

# Each under its own protocol, IPC 10. SRe2L's is from RDED's table, INFER's with dynamic labels,
# EDC's unverified.
OWN_10: Final = {
    "sre2l": 29.3,
    "infer": 30.7,
    "dwa": 32.6,
    "rded": 37.1,
    "sre2l++": 42.5,
    "delt": 43.0,
    "cv-dd": 44.6,
    "g-vbsm": 53.5,
    "edc": 79.1,
}
