"""The wheel of deadlines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flrouter.core.state.deadlines import GRAIN_MS, Deadlines


@given(
    dues=st.lists(st.integers(0, 3000), max_size=30),
    looks=st.lists(st.integers(0, 4000), max_size=30).map(sorted),
)
def test_each_is_found_once_and_never_early(dues: list[int], looks: list[int]) -> None:
    """At the first look that is a grain or more after it was due, and not before it was."""
    deadlines = Deadlines()
    for at, due in enumerate(dues):
        deadlines.add(due, "table", str(at))
    open_ = dict(enumerate(dues))
    for now in looks:
        woken = [int(key) for key in deadlines.due(now).get("table", ())]
        assert woken == sorted(woken, key=lambda at: -(-dues[at] // GRAIN_MS))
        for at in woken:
            assert open_.pop(at) <= now
        assert all(due + GRAIN_MS > now for due in open_.values())


def test_many_share_one_bucket() -> None:
    """Those of one grain wake together, in the order in which they were added."""
    deadlines = Deadlines()
    for at in range(1, GRAIN_MS + 1):
        deadlines.add(at, "pending", str(at))
    assert deadlines.due(GRAIN_MS - 1) == {}
    assert deadlines.due(GRAIN_MS) == {"pending": [str(at) for at in range(1, GRAIN_MS + 1)]}
    assert deadlines.due(10**9) == {}
