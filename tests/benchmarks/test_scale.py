"""What is measured of the core alone runs on the code as it is."""

from __future__ import annotations

from benchmarks.scale import core, gather


def test_the_core_s_cost_per_command() -> None:
    measured = core.measure(switches=20, floodlights=2, pending=100)
    assert measured["cpu_us"] > 0


def test_the_cost_of_a_switch_in_a_command_for_many() -> None:
    measured = gather.measure(switches=20)
    assert measured["gathered_us"] > 0
