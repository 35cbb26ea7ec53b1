"""How properties are tested: the same examples in every run, and no clock, as machines may be busy.

`pytest --hypothesis-profile default` looks for new ones.
"""

import sys

import pytest
from hypothesis import settings

settings.register_profile("rd3", deadline=None, derandomize=True)
settings.load_profile("rd3")


@pytest.fixture(autouse=True)
def own_search_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders in which a test lets Python look for plug-ins are not searched by the next one."""
    monkeypatch.setattr(sys, "path", [*sys.path])
