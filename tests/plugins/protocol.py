"""A protocol of one's own: a few epochs with hard labels under one augmentation."""

from __future__ import annotations


def short_protocol(augmentation: str, *, epochs: int = 3) -> str:
    """The file's text.

    Args:
        augmentation: as in YAML, `{kind: flip}`.
    """
    return f"""
id: mine
version: 1
base: rd3-demo
title: mine
source: mine
not_rankable: a test
counterparts: {{}}
fields:
  epochs: {{value: {epochs}, provenance: inferred}}
  labels: {{value: hard, provenance: inferred}}
  loss: {{value: ce, provenance: inferred}}
  augment: {{value: [{augmentation}], provenance: inferred}}
"""
