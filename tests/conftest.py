"""What all tests share."""

from __future__ import annotations

from importlib.util import find_spec

pytest_plugins = ["pytester"]

if find_spec("hypothesis") is not None:  # environments for a few tests lack it
    from hypothesis import HealthCheck, settings

    # otherwise as the environment has it: a busy machine is no reason to fail
    settings.register_profile(
        "patient",
        settings(),
        deadline=None,
        suppress_health_check=[*settings().suppress_health_check, HealthCheck.too_slow],
    )
    settings.load_profile("patient")
