"""Tables know what a batch changed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flrouter.core.state.table import Table

keys = st.sampled_from("abc")
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), keys, st.integers(0, 9)),
        st.tuples(st.just("drop"), keys),
        st.tuples(st.just("take")),
    ),
    max_size=30,
)


@given(steps)
def test_the_changes_make_the_changelog(happens: list[tuple[object, ...]]) -> None:
    """Whoever writes down all changes has the table, whatever happened between."""
    table: Table[int] = Table("numbers")
    kept: dict[str, int] = {}

    def take() -> None:
        for key, value in table.take_changes():
            if value is None:
                assert key in kept, "a tombstone for what never was"
                del kept[key]
            else:
                kept[key] = value
        assert kept == dict(table)

    for what in happens:
        match what:
            case ("put", str(key), int(value)):
                table.put(key, value)
            case ("drop", str(key)):
                held = table.get(key)
                assert table.drop(key) == held
            case _:
                take()
    take()
    assert table.take_changes() == []


def test_what_came_and_went_within_a_batch_leaves_no_trace() -> None:
    """Most requests do: their answers are there before the batch ends."""
    table: Table[int] = Table("numbers")
    table.put("a", 1)
    table.drop("a")
    assert table.take_changes() == []
    table.put("a", 1)
    assert table.take_changes() == [("a", 1)]
    table.put("a", 2)
    table.put("a", 3)
    table.drop("b")
    assert table.take_changes() == [("a", 3)]
    assert table.drop("a") == 3
    assert table.take_changes() == [("a", None)]
