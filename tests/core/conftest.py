"""How hypothesis runs: a busy machine must not make a test fail, so nothing here is timed."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# On CI, hypothesis' own profile is below this one: there each run draws the same examples.
settings.register_profile(
    "untimed", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("untimed")
