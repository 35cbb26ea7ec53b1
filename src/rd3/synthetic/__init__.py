"""The artifact: a distilled data set with its manifest; saving, loading, importing, exporting."""

from rd3.synthetic.artifact import Manifest, Seconds, Synthetic
from rd3.synthetic.check import check
from rd3.synthetic.exporter import EXPORTERS, export
from rd3.synthetic.format import FORMATS
from rd3.synthetic.transfer import read_synthetic

__all__ = ["EXPORTERS", "FORMATS", "Manifest", "Seconds", "Synthetic", "check", "export", "read_synthetic"]
