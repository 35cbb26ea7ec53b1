"""DD-Ranking's own configuration files (package 0.2.0, arXiv 2505.13300) as protocols of rd3."""
