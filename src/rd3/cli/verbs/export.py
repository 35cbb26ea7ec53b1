"""Write a distilled set as others read it: class folders, npz, Parquet with a data-set card, DD-Ranking's tensors.

What a format cannot hold is refused or said; what is written comes back with rd3 import, bytes and raw floats pixel by
pixel. OUT appears whole or not at all, and nothing is overwritten.

  folder     CLASS/000.png, lossless, and a card for datasets.load_dataset
  npz        one archive: images, labels, soft labels and their form
  parquet    pictures embedded, soft labels as a column, and a card for the Hugging Face hub; needs rd3[parquet]
  tensors    images.pt, labels.pt and lr.pt, normalised, as DD-Ranking loads them
  condensed  one torch file of the DC family, normalised
  rd3        rd3's own folder

Examples:
  rd3 export runs/synthetic/sre2l-mnist5k-ipc10-0f3a61 --as folder --out sre2l-mnist5k
  rd3 export runs/synthetic/dm-cifar10-ipc10-52cc01 --as parquet --quantise --out dm-cifar10-hub
  rd3 export runs/synthetic/datm-cifar10-ipc10-9ab1c2 --as tensors --target cifar10 --space zca_kornia --out datm
  rd3 export data.pt --decode 2 --as npz --expand --out idc.npz
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from rd3.cli.options import Files
from rd3.cli.reading import Reading, reading_arguments


@dataclass(kw_only=True)
class Options(Reading):
    set_: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="SET")]
    """a distilled set: a folder of rd3, or any file or folder that rd3 import reads"""
    as_: Annotated[str, tyro.conf.arg(name="as", metavar="FORMAT")]
    """folder, npz, parquet, tensors, condensed or rd3"""
    out: Path
    """file (npz, condensed) or folder to write"""
    target: str | None = None
    """the real data: to read a set that needs them, to name its classes, and for a space that is fitted on them"""
    name: str | None = None
    """what to call a set that others saved; its file name by default"""
    space: (
        Literal[
            "raw01", "norm_dc", "norm_cifar10", "norm_imagenet", "norm_true", "norm_target", "zca_kornia", "zca_frepo"
        ]
        | None
    ) = None
    """what pixels become in tensors and condensed; by default as their readers normalise the set's target"""
    expand: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """take mosaics apart; without it they stay, and it is said that they are"""
    records: Files = ()
    """records (files or folders) whose results go onto the card; those in HOME by default"""
    home: Path | None = None
    """folder of the store; $RD3_HOME or ./runs by default"""


def main(options: Options) -> int:
    import rd3
    from rd3.data.load import load_target
    from rd3.report.format import plain, size
    from rd3.study.store import Store
    from rd3.synthetic.exporter import EXPORTERS, require_free

    title = EXPORTERS[options.as_].title
    require_free(options.out)  # before anything is read
    target = load_target(options.target) if options.target is not None else None
    synthetic = rd3.read_synthetic(options.set_, target=target, name=options.name, **reading_arguments(options))
    notes = rd3.export(
        synthetic,
        options.out,
        options.as_,
        target=target,
        space=options.space,
        quantise=options.quantise,
        expand=options.expand,
        records=options.records,
        store=Store(options.home),
    )
    files = [options.out] if options.out.is_file() else [each for each in options.out.rglob("*") if each.is_file()]
    total = size(sum(file.stat().st_size for file in files))
    what = f"{plain(synthetic.manifest.method)}, {len(synthetic)} images, as {options.as_} ({title})"
    sys.stdout.write(f"{options.out}: {what}, {total} in {len(files)} file{'s' * (len(files) > 1)}\n")
    for note in notes:
        sys.stdout.write(f"  {plain(note)}\n")
    return 0
