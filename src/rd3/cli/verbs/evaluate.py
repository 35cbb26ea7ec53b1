"""Judge a synthetic set under a locked protocol: mean last-epoch accuracy with its 95 % t-interval.

A synthetic is a folder that rd3 wrote, a folder CLASS/*.png of your own, an .npz with images and labels, or what other
projects save (docs/formats.md). Where a file holds several sets, --set all judges them as draws, one after the other.

Examples:
  rd3 evaluate runs/synthetic/random-mnist5k-ipc10-1a2b3c mnist5k --teacher-model convnet3-bn-w32
  rd3 evaluate res_DM_CIFAR10_ConvNet_10ipc.pt cifar10 --protocol rd3-hard --set all
  rd3 evaluate my_images/ cifar10 --protocol rd3-hard --students resnet18,convnet3 --seeds 3
  rd3 evaluate set.npz folder:photos@64 --protocol my_protocol.yaml --teacher-model resnet18 --teacher-model convnet4-bn
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from rd3.base.errors import UserError
from rd3.cli.judging import JudgeOptions, all_draws, judged


@dataclass(kw_only=True)
class Options(JudgeOptions):
    pass


def main(options: Options) -> int:
    import rd3
    from rd3.study.precision import precision_notes

    with judged(options, options.target, options.seeds) as (synthetic, target, arguments):
        draws = all_draws(options, target) if options.set == "all" else synthetic
        if isinstance(draws, list) and len(draws) > options.seeds:
            raise UserError(
                f"--seeds {options.seeds}: the file has {len(draws)} sets, one a seed; give at least as many"
            )
        results = [rd3.evaluate(draws, target, student=student, **arguments) for student in options.students]
    for result in results:
        first = result.records[0]
        place = f"{first.method}, IPC {first.ipc}, on {target.name} under {first.protocol.id} ({first.student})"
        sys.stdout.write(f"{place}: {result}\n")
    records = [record for result in results for record in result.records]
    for flag in sorted({flag for record in records for flag in record.flags} | precision_notes(records)):
        sys.stdout.write(f"  {flag}\n")
    reason = results[0].records[0].protocol.not_rankable
    if reason:
        sys.stdout.write(f"  not rankable: {reason}\n")
    sys.stdout.write(f"  records: {options.store().root / 'run'}\n")
    return 0
