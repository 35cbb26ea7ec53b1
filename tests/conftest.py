"""How properties are tested: the same examples in every run, and no clock, as machines may be busy.

`pytest --hypothesis-profile default` looks for new ones.
"""

from hypothesis import settings

settings.register_profile("rd3", deadline=None, derandomize=True)
settings.load_profile("rd3")
