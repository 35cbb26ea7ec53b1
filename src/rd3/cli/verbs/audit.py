"""Say what a number is made of: what differs between two evaluations, and what each part contributes.

Examples:
  rd3 audit one runs/synthetic/sre2l-mnist5k-ipc10-1a2b3c mnist5k --from old.yaml --to rd3 --plan
  rd3 audit two ours/ theirs/ cifar10 --from ours.yaml --to rd3 --seeds 3
  rd3 audit methods a/=own_a.yaml b/=own_b.yaml --target cifar10 --to rd3
  rd3 audit records runs/demo runs/demo --first method=sre2l --second method=herding

Each of them explains itself, for instance in rd3 audit one --help.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from rd3.cli.options import Flag, StudentPlace, TeacherChoice
from rd3.cli.reading import Reading

Choice = Annotated[tuple[str, ...], tyro.conf.arg(metavar="KEY=VALUE")]


@dataclass(kw_only=True)
class Runs(Reading, TeacherChoice, StudentPlace):
    """What every audit that trains takes."""

    student: str | None = None
    """architecture; the teacher's by default"""
    seeds: int = 5
    """students trained for every mixture, the same seeds for all"""
    epochs_scale: float = 1.0
    """train each protocol for this many times its epochs; all results are then marked as scaled"""
    plan: Flag = False
    """only print what differs, what would be trained, and how long it would take"""
    out: Path | None = None
    """folder to write audit.html, audit.json and the records into; a folder in HOME/audit by default"""


@dataclass(kw_only=True)
class Pair(Runs):
    """What an audit of two sides takes."""

    start: Annotated[str, tyro.conf.arg(name="from", metavar="PROTOCOL")]
    """the first protocol, id or file"""
    end: Annotated[str, tyro.conf.arg(name="to", metavar="PROTOCOL")] = "rd3"
    """the second protocol"""
    published: float | None = None
    """the accuracy, in percent, that was reported for the first side"""
    order: tuple[str, ...] = ()
    """factors as the ladder switches them, for instance labels epochs; the others follow"""
    exact_up_to: int = 5
    """with up to this many factors, train all their mixtures; with more, draw orders"""
    permutations: int | None = None
    """orders that each seed draws where there are more factors, an even number; about one a factor by default"""


@dataclass(kw_only=True)
class One(Pair):
    """One synthetic set under two protocols: which part of the difference is whose.

    For example:
      $ rd3 audit one my_images/ cifar10 --from own.yaml --to rd3 --teacher-model resnet18
      $ rd3 audit one my_images/ mnist5k --from own.yaml --to rd3 --epochs-scale 0.1 --seeds 3 --plan
      $ rd3 audit one my_images/ cifar10 --from own.yaml --to rd3 --published 53.9 --order labels epochs
    """

    synthetic: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="SYNTHETIC")]
    """folder or file of a synthetic set"""
    target: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="TARGET")]
    """the real data it was made from"""


@dataclass(kw_only=True)
class Two(Pair):
    """Two synthetic sets, each under its own protocol: the images are one more factor.

    For example:
      $ rd3 audit two ours/ theirs/ cifar10 --from ours.yaml --to theirs.yaml --teacher-model resnet18
      $ rd3 audit two random/ herding/ mnist5k --from rd3-demo --to rd3-demo-hard
    """

    first: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="SYNTHETIC_A")]
    """the set that is judged under the first protocol"""
    second: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="SYNTHETIC_B")]
    """the set that is judged under the second protocol"""
    target: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="TARGET")]
    """the real data they were made from"""


@dataclass(kw_only=True)
class Methods(Runs):
    """Several methods, each under its own protocol and all under one: what is left of the gap between them.

    For example:
      $ rd3 audit methods a/=own_a.yaml b/=own_b.yaml --target cifar10 --to rd3 --teacher-model resnet18
    """

    methods: Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="SYNTHETIC=PROTOCOL")]
    """each synthetic set with the protocol that it was published under"""
    target: str
    """the real data they were made from"""
    to: str = "rd3"
    """the protocol for all"""


@dataclass(kw_only=True)
class Records:
    """Two finished runs: the plain list of what differs. Nothing is trained.

    For example:
      $ rd3 audit records mine.json theirs.json
      $ rd3 audit records runs/demo runs/demo --where ipc=10 replicate=0 protocol=rd3-demo \\
          --first method=sre2l --second method=herding
    """

    place_a: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="A")]
    """a record, or a folder of them such as that of a study"""
    place_b: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="B")]
    """another"""
    where: Choice = ()
    """which record of a folder: target, method, ipc, draw, protocol, student, replicate or fingerprint"""
    first: Choice = ()
    """the same for A alone"""
    second: Choice = ()
    """the same for B alone"""
    out: Path | None = None
    """file to write the list into, as JSON"""


@tyro.conf.configure(tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes)
@dataclass
class Options:
    what: (
        Annotated[One, tyro.conf.subcommand("one")]
        | Annotated[Two, tyro.conf.subcommand("two")]
        | Annotated[Methods, tyro.conf.subcommand("methods")]
        | Annotated[Records, tyro.conf.subcommand("records")]
    )

    @property
    def precision(self) -> str | None:
        """Of the students, where any are trained."""
        return self.what.precision if isinstance(self.what, Runs) else None


def main(options: Options) -> int:
    match options.what:
        case One() as one:
            from rd3.cli.auditing import audit

            return audit(one, ["one", str(one.synthetic), one.target])
        case Two() as two:
            from rd3.cli.auditing import audit

            return audit(two, ["two", str(two.first), str(two.second), two.target])
        case Methods() as methods:
            from rd3.cli.auditing import rectify

            return rectify(methods)
        case Records() as records:
            from rd3.cli.comparing import compare

            return compare(records)
