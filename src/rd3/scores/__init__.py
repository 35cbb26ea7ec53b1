"""HLR, IOR, LRS, ARS, and statistics that hold: intervals, paired tests, rankings."""

from rd3.scores.definitions import Scores, SubAccuracies, ars, hlr, ior, lrs, score_cell, score_replicates
from rd3.scores.intervals import Difference, Interval, holm, paired_difference, t_interval
from rd3.scores.power import seeds_needed, separability
from rd3.scores.ranking import Comparison, compare

__all__ = [
    "Comparison",
    "Difference",
    "Interval",
    "Scores",
    "SubAccuracies",
    "ars",
    "compare",
    "hlr",
    "holm",
    "ior",
    "lrs",
    "paired_difference",
    "score_cell",
    "score_replicates",
    "seeds_needed",
    "separability",
    "t_interval",
]
