"""Read one of DD-Ranking's configuration files: `ddranking:PATH`, or `ddranking-0.1.4:PATH` for its older meaning."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from rd3.base.errors import UserError
from rd3.base.files import read_text
from rd3.base.spec import parse
from rd3.data.target import Target
from rd3.evaluation.ddranking.effect import Notice
from rd3.evaluation.ddranking.keys import NULL_IS_A_VALUE, VERSIONS, DDRankingConfig, Version
from rd3.evaluation.ddranking.names import require_known, target_name
from rd3.evaluation.ddranking.protocol import protocol_of, student_name, teacher_names
from rd3.evaluation.ddranking.report import contradictions, notices
from rd3.evaluation.protocol import Protocol
from rd3.synthetic.artifact import Synthetic

NAME = re.compile(rf"ddranking(-(?P<version>{'|'.join(map(re.escape, VERSIONS))}))?:(?P<path>.+)")
IPC_ALONE = re.compile(r"ipc[-_]?\d+.*", re.IGNORECASE)
SCORES = {"hard": ("lrs",), "soft": ("lrs",), "ars": ("ars",)}


@dataclass(frozen=True)
class DDRankingFile:
    """A file as it is understood here.

    Attributes:
        path: where it is.
        config: what it says.
        name: what `load_protocol` takes for its protocol.
        protocol: that protocol.
        version: of DD-Ranking, whose meaning the words have.
    """

    path: Path
    config: DDRankingConfig
    name: str
    protocol: Protocol
    version: Version = "0.2.0"

    @property
    def notices(self) -> list[Notice]:
        """What of the file is done in another way, or not at all, whatever is judged."""
        return notices(self.config, self.version)

    @property
    def target(self) -> str:
        """rd3's name of the data set, with its size.

        Raises:
            UserError: rd3 has no source of that name.
        """
        return f"{target_name(self.config.dataset)}@{self.config.im_size[0]}"

    @property
    def student(self) -> str:
        return student_name(self.config)

    @property
    def teachers(self) -> tuple[str, ...]:
        """Architectures of the teachers; the student's where the file names none and labels are soft."""
        return teacher_names(self.config) or (() if self.config.labels == "hard" else (self.student,))

    @property
    def teacher_files(self) -> tuple[Path, ...]:
        """Where the package would look for the teachers' weights."""
        folder = Path(self.config.teacher_dir) / self.config.dataset
        return tuple(folder / name / "ckpt_best.pt" for name in self.config.teacher_model_names)

    @property
    def seeds(self) -> int:
        return self.config.num_eval

    @property
    def scores(self) -> tuple[str, ...]:
        """What the evaluator that the file is written for computes."""
        return SCORES[self.config.kind]

    def notices_for(self, synthetic: Synthetic, target: Target) -> list[Notice]:
        """What of the file is done in another way, or not at all, when `synthetic` is judged on `target`."""
        missing = [place for place in self.teacher_files if not place.is_file()]
        elsewhere = [Notice("teacher_dir", f"{missing[0]} is not there; rd3 squeezes its own")] if missing else []
        found = contradictions(self.config, synthetic, target)
        return [*self.notices, *found, *(elsewhere if self.config.labels != "hard" else ())]


def is_ddranking(name: str) -> bool:
    """Whether a protocol's name stands for a configuration file of DD-Ranking."""
    return NAME.fullmatch(name) is not None


def reads_as_ddranking(values: Any) -> bool:
    """Whether a file's content is a configuration of DD-Ranking: most of its keys are."""
    known = DDRankingConfig.model_fields.keys()
    return isinstance(values, dict) and bool(values) and 2 * len(values.keys() & known) > len(values)


def read_ddranking(name: str) -> DDRankingFile:
    """Read the file that `ddranking:PATH` names.

    Raises:
        UserError: one line that names the file, the key and the value that are wrong.
    """
    match = NAME.fullmatch(name)
    assert match is not None, name
    path, version = Path(match["path"]), cast(Version, match["version"] or "0.2.0")
    config = parse(DDRankingConfig, _values(path), where=str(path))
    if len(set(config.im_size)) > 1:
        raise UserError(f"{path}: im_size = {list(config.im_size)}: images are square")
    try:
        require_known(config.dataset)
        protocol = protocol_of(config, name=_name(path), reference=name, where=str(path), version=version)
        student_name(config)
    except UserError as error:
        message = str(error)
        raise UserError(message if message.startswith(f"{path}: ") else f"{path}: {message}") from None
    return DDRankingFile(path, config, name, protocol, version)


def _name(path: Path) -> str:
    """A file's name as part of an id; files that are only called IPC10 take METHOD and DATASET from their folders."""
    parts = path.resolve().with_suffix("").parts
    name = "-".join(parts[-3:] if IPC_ALONE.fullmatch(parts[-1]) else parts[-1:])
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._") or "file"


def _values(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise UserError(f"{path}: there is no such configuration file")
    if path.suffix not in (".yaml", ".yml", ".json"):
        raise UserError(f"{path}: expected a .yaml or .json file")
    try:
        values = json.loads(read_text(path)) if path.suffix == ".json" else yaml.safe_load(read_text(path))
    except (ValueError, yaml.YAMLError) as error:
        kind = "JSON" if path.suffix == ".json" else "YAML"
        raise UserError(f"{path}: not {kind}: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise UserError(f"{path}: expected 'key: value' pairs, got {type(values).__name__}")
    return {key: value for key, value in values.items() if value is not None or key in NULL_IS_A_VALUE}
