"""The schedule of a rolling upgrade."""

from __future__ import annotations

from tests.chaos.schedule import BACK, UPGRADE, rolling_upgrade


def test_every_worker_is_replaced_and_comes_back() -> None:
    """One after the other, and the last tenth of the commands is left in peace."""
    steps = rolling_upgrade(seed=1, commands=1_000, workers=3, kills=0)
    assert [(step.kind, step.which) for step in steps] == [
        *((UPGRADE, which) for which in range(3)),
        *((BACK, which) for which in range(3)),
    ]
    assert 0 < steps[0].commands < steps[-1].commands < 900


def test_workers_of_both_releases_are_killed() -> None:
    """Before each step, so alone and among the others."""
    steps = rolling_upgrade(seed=1, commands=1_000, workers=2, kills=1)
    assert [step.kind for step in steps[::2]] == ["kill a worker"] * 4
    assert [step.kind for step in steps[1::2]] == [UPGRADE, UPGRADE, BACK, BACK]
