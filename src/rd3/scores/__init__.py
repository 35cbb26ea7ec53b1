"""HLR, IOR, LRS, ARS, and statistics that hold: intervals, paired tests, rankings."""

from rd3.scores.definitions import Scores, SubAccuracies, ars, hlr, ior, lrs, score_cell, score_replicates
from rd3.scores.friedman import MeanRanks, mean_ranks
from rd3.scores.intervals import Difference, Interval, holm, paired_difference, t_interval
from rd3.scores.nested import Nested, nested
from rd3.scores.power import detectable_difference, seeds_needed, separability
from rd3.scores.ranking import Comparison, compare
from rd3.scores.ranks import Rank, rank_intervals

__all__ = [
    "Comparison",
    "Difference",
    "Interval",
    "MeanRanks",
    "Nested",
    "Rank",
    "Scores",
    "SubAccuracies",
    "ars",
    "compare",
    "detectable_difference",
    "hlr",
    "holm",
    "ior",
    "lrs",
    "mean_ranks",
    "nested",
    "paired_difference",
    "rank_intervals",
    "score_cell",
    "score_replicates",
    "seeds_needed",
    "separability",
    "t_interval",
]
