"""`python -m rd3`: the same as `rd3`."""

from rd3.cli import main

raise SystemExit(main())
