"""Counterparts of a protocol that its scores need: with hard labels, without augmentation, or both."""

from __future__ import annotations

from typing import Any

from rd3.evaluation.protocol import Counterparts, Protocol, ProtocolField
from rd3.evaluation.settings import Settings

ROLES = ("hard-plain", "hard", "plain")
SOFT_ONLY = frozenset(
    {"kl_t2", "gamma", "gt_label", "static_mix", "hard_phase", "repeat_last"}
    | {"lr_search_for"}  # DD-Ranking's hard-label run searches for the rate of both sides
    | {name for name in Settings.model_fields if name.startswith(("teacher_", "label_")) and name != "label_smoothing"}
)
HARD_NOTE = "the counterpart that HLR needs"
PLAIN_NOTE = "the counterpart that ARS needs"


def counterpart(protocol: Protocol, role: str) -> Protocol:
    """The protocol in another role, under the id `ID-ROLE`.

    Args:
        role: `hard`: the same with the images' own hard labels and cross-entropy; `plain`: the same without
            augmentation and mixing; `hard-plain`: both.
    """
    assert role in ROLES, role
    if role == "hard-plain":
        return counterpart(counterpart(protocol, "hard"), "plain")
    return _hard(protocol) if role == "hard" else _plain(protocol)


def is_own_hard(own: Settings, hard: Settings) -> bool:
    """Whether the hard-label counterpart trains as the protocol itself does, both resolved for one cell."""
    if own.soft:
        return False
    unread = {*SOFT_ONLY, "teacher", "temperature"}
    return own.model_dump(exclude=unread) == hard.model_dump(exclude=unread)


def _hard(protocol: Protocol) -> Protocol:
    fields = {name: field for name, field in protocol.fields.items() if name not in SOFT_ONLY}
    if "hard_phase" in protocol.fields:
        fields.pop("label_smoothing", None)  # of the hard phase alone
    hard: dict[str, Any] = {"labels": "hard", "teacher": None, "loss": "ce", "temperature": 1.0}
    fields |= {name: ProtocolField(value=value, provenance="inferred", note=HARD_NOTE) for name, value in hard.items()}
    if protocol.hard_without_batch_augmentation:
        fields |= _without_batch_augmentation(fields)
    own = protocol.counterparts.hard
    return protocol.model_copy(
        update={
            "id": f"{protocol.id}-hard",
            "title": f"{protocol.title}, with the images' own hard labels",
            "note": "Everything else as it was; labels of a mixed pair weigh by what is left of each image.",
            "counterparts": Counterparts(plain=own and f"{own}-plain", whole=protocol.counterparts.whole),
            "fields": fields,
        }
    )


def _plain(protocol: Protocol) -> Protocol:
    plain: dict[str, Any] = {"augment": [], "mix": None}
    changed = {
        name: ProtocolField(value=value, provenance="inferred", note=PLAIN_NOTE) for name, value in plain.items()
    }
    return protocol.model_copy(
        update={
            "id": f"{protocol.id}-plain",
            "title": f"{protocol.title}, without augmentation",
            "note": "No augmentation and no mixing; everything else as it was.",
            "purpose": "reference",
            "counterparts": Counterparts(),
            "fields": {**protocol.fields, **changed},
        }
    )


def _without_batch_augmentation(fields: dict[str, ProtocolField]) -> dict[str, ProtocolField]:
    """Mixing and DSA left out, the transforms of single images kept: DD-Ranking without `use_aug_for_hard`."""
    note = "DD-Ranking's hard-label run leaves it out unless use_aug_for_hard is set"
    changed = {"mix": ProtocolField(value=None, provenance="code", note=note)}
    if "augment" in fields:
        changed["augment"] = fields["augment"].changed(_without_dsa)
    return changed


def _without_dsa(operations: Any) -> list[Any]:
    return [operation for operation in operations or () if operation.get("kind") != "dsa"]
