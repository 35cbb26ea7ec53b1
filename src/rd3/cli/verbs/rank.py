"""Rank methods from records: any mix of folders and files, for instance from several machines.

Examples:
  rd3 rank runs/demo
  rd3 rank machine1/records machine2/records --out merged
  rd3 rank runs/demo --w 0.25 --gamma 0.75
  rd3 rank runs/demo/records --sql "select method, avg(accuracy), avg(peeked) from runs group by method"
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass
class Options:
    records: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="RECORDS")]
    """record files, folders of them, or folders of studies"""
    out: Path | None = None
    """folder to write ranking.json into"""
    w: float = 0.5
    """weight of IOR against HLR in LRS"""
    gamma: float = 0.5
    """weight of the augmented against the plain difference in ARS"""
    sql: str | None = None
    """a query over the table `runs`, in place of the ranking"""


def main(options: Options) -> int:
    from rich.markup import escape
    from rich.table import Table

    from rd3.base.errors import UserError
    from rd3.cli.study_run import table_console
    from rd3.report.ranking import Row
    from rd3.report.terminal import print_ranking
    from rd3.study.audit.mixture import is_mixture
    from rd3.study.ranking import groups, rows
    from rd3.study.records import query, read_records
    from rd3.study.run import write_ranking
    from rd3.study.verdict import sentence

    records = read_records(options.records)
    if not records:
        raise UserError(f"{', '.join(map(str, options.records)) or 'no place given'}: no records there")
    console = table_console()
    if options.sql is not None:
        answer = query(records, options.sql)
        table = Table(*map(escape, answer[0] if answer else ()))
        for line in answer:
            table.add_row(*(escape(str(value)) for value in line.values()))
        console.print(table)
        return 0
    if all(is_mixture(record.protocol) for record in records):
        raise UserError(
            f"{', '.join(map(str, options.records))}: all {len(records)} records are an audit's mixtures of protocols,"
            " which stand in no ranking; `rd3 evaluate` makes runs that do"
        )
    table_rows = rows(records, w=options.w, gamma=options.gamma)
    print_ranking(console, [Row.model_validate(row) for row in table_rows], [sentence(g) for g in groups(table_rows)])
    if options.out is not None:
        write_ranking(records, options.out, w=options.w, gamma=options.gamma)
    return 0
