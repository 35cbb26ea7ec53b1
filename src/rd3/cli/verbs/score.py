"""Score a synthetic set: HLR, IOR, LRS and ARS with intervals (DD-Ranking, arXiv 2505.13300).

The references it needs (random real images, the whole target) are trained once and shared with every later score.

Examples:
  rd3 score runs/synthetic/sre2l-mnist5k-ipc10-1a2b3c mnist5k --teacher-model convnet3-bn-w32 --protocol rd3-demo
  rd3 score my_images/ cifar10 --protocol rd3-hard --seeds 3
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from rd3.cli.judging import JudgeOptions, judged


@dataclass(kw_only=True)
class Options(JudgeOptions):
    whole: str | None = None
    """protocol for the whole target in place of the protocol's own; none leaves HLR and LRS out"""


def main(options: Options) -> int:
    import rd3
    from rd3.cli.study_run import table_console
    from rd3.report.ranking import Row
    from rd3.report.terminal import print_ranking

    with judged(options) as (synthetic, target, arguments):
        card = rd3.score(synthetic, target, whole=options.whole, **arguments)
    sys.stdout.write(f"{card}\n\n")
    print_ranking(table_console(), [Row.model_validate(card.row)], [])
    return 0
