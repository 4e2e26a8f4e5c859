"""What happened last, for people who look."""

from __future__ import annotations

from collections import Counter

from flrouter.core.values.effects import Effects
from flrouter.telemetry.feed import MAX_ABOUT_CHARACTERS, MAX_HAPPENINGS, TOGETHER_MS, Feed


def effects(*notes: str, **counts: int) -> Effects:
    """Effects with these notes, and counts of fl-1."""
    made = Effects()
    made.notes.extend(notes)
    made.counts = Counter({(what, "fl-1"): count for what, count in counts.items()})
    return made


def test_what_happens_again_and_again_is_told_as_one() -> None:
    """For ten seconds; then it is told anew."""
    feed = Feed()
    for now in (0, 1_000, TOGETHER_MS - 1, TOGETHER_MS):
        feed.take(effects(late=2), now)
    first, second = feed.last()
    assert (first.count, first.began, first.at) == (6, 0, TOGETHER_MS - 1)
    assert (second.count, second.began) == (2, TOGETHER_MS)


def test_much_of_one_kind_leaves_room_for_others() -> None:
    """An outage is told still after thousands of late answers."""
    feed = Feed()
    feed.take(effects("outage of floodlight fl-1: it does not answer"), 0)
    for number in range(1_000):
        feed.take(effects(late=1), number * TOGETHER_MS)
    told = feed.last()
    assert [happening.what for happening in told] == ["note", *["late"] * MAX_HAPPENINGS]
    assert [happening.number for happening in told] == sorted(h.number for h in told)


def test_other_notes_leave_room_for_outages() -> None:
    """They are of a kind of their own."""
    feed = Feed()
    feed.take(effects("outage of floodlight fl-1: it does not answer"), 0)
    feed.take(effects(*(f"note {number}" for number in range(2 * MAX_HAPPENINGS))), 1)
    assert [happening.kind for happening in feed.last()] == ["outage", *["note"] * MAX_HAPPENINGS]


def test_what_is_counted_all_the_time_is_not_told() -> None:
    """Commands and answers are no news; and no text is endless."""
    feed = Feed()
    feed.take(effects("x" * 10_000, commands=5, answers=5), 0)
    [happening] = feed.last()
    assert len(happening.about) == MAX_ABOUT_CHARACTERS
