"""What all tests share."""

from __future__ import annotations

from importlib.util import find_spec

pytest_plugins = ["pytester"]

if find_spec("hypothesis") is not None:  # environments for a few tests lack it
    from hypothesis import settings

    # otherwise as the environment has it: a busy machine is no reason to fail
    settings.register_profile("patient", settings(), deadline=None)
    settings.load_profile("patient")
