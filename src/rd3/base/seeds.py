"""Seeds made of what they are for, never of the clock."""

from __future__ import annotations

import hashlib


def derive_seed(*parts: str | int) -> int:
    """A 63-bit seed that depends on every part and on their order.

    >>> derive_seed("student", 0) == derive_seed("student", 0) != derive_seed("student", 1)
    True
    """
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
