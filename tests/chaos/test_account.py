"""The account finds each sort of wrong, and the schedule is the same for the same seed."""

from __future__ import annotations

from collections import Counter

from tests.chaos.account import Answered, Given, Sent, Takeover, Trouble, account, unexplained
from tests.chaos.schedule import TIMES, schedule

SENT = [Sent(f"c{number}", 0, number, "s1" if number < 3 else "s2") for number in range(4)]
GIVEN = [Given(f"c{number}", f"r{number}", 100 + number) for number in range(4)]
ANSWERS = [Answered(f"c{number}", None, None, 1000 + number) for number in range(4)]


def test_all_is_well() -> None:
    """Each command given in order, and answered once."""
    found = account(SENT, GIVEN, ANSWERS, ["r0", "r1", "r2", "r3"])
    assert found.by == {"an FL": 4}
    assert found.as_json()["examples"] == {
        "lost": [],
        "duplicates": [],
        "order_violations": [],
        "strangers": [],
    }
    assert (found.given_again, found.late_dropped) == (0, 0)


def test_lost_twice_answered_and_unknown() -> None:
    """What is missing, what is too much, and what nobody asked for."""
    again = Answered("c1", "NOT_FOUND", None, 3000)
    found = account(SENT, GIVEN, [*ANSWERS[:3], again, Answered("x", None, None, 1)], [])
    assert found.lost == ["c3"]
    assert found.duplicates == [("c1", [1001, 3000])]
    assert found.strangers == ["x"]
    assert unexplained(found.duplicates, []) == [("c1", [1001, 3000])]
    assert unexplained(found.duplicates, [Trouble(1500, 1500)]) == []
    assert unexplained(found.duplicates, [Trouble(9000, 9000)]) == [("c1", [1001, 3000])]
    assert unexplained([("c1", [12_000, 13_000])], [Trouble(1500, 1500)]) == []
    assert unexplained([("c1", [13_000, 13_000])], [Trouble(1500, 1500)])
    assert unexplained([("c1", [1001, 3000, 30_000])], [Trouble(1500, 1500)]) == []
    assert unexplained([("c1", [1001, 30_000, 40_000])], [Trouble(1500, 1500)])


def test_a_takeover_may_be_late() -> None:
    """What counts is who had the shards that were taken over, and that it follows the kill."""
    killed = [Trouble(1_500, 1_500, "a")]
    late = [("c1", [1_000, 20_000, 20_100])]
    had = Takeover(500, "a", frozenset({1}))
    assert unexplained(late, killed, [had]) == late
    assert unexplained(late, killed, [had, Takeover(19_000, "b", frozenset({0, 1}))]) == []
    assert unexplained(late, killed, [had, Takeover(19_000, "b", frozenset({0}))]) == late
    assert unexplained(late, killed, [had, Takeover(14_000, "b", frozenset({1}))]) == late
    others = [had, Takeover(900, "b", frozenset({1})), Takeover(19_000, "c", frozenset({1}))]
    assert unexplained(late, killed, others) == late
    between = [("c1", [1_000, 15_000, 20_100])]
    assert unexplained(between, killed, [had, Takeover(19_000, "b", frozenset({1}))]) == between
    longer = [("c1", [1_000, 40_000, 40_100])]
    assert unexplained(longer, killed, [had, Takeover(39_000, "b", frozenset({1}))]) == longer


def test_an_answer_in_parts_is_one_when_it_is_whole() -> None:
    """A part that came twice makes no second answer; all of them twice do; one missing is none."""
    parts = [Answered("c0", None, (number, 3), number) for number in range(3)]
    assert "c0" in account(SENT, [], parts[:2], []).lost
    assert account(SENT, [], [*parts, parts[1]], []).duplicates == []
    assert account(SENT, [], parts + parts, []).duplicates == [("c0", [2, 2])]


def test_order_is_per_switch_and_source_partition() -> None:
    """A repetition is none of it; another switch's commands are none of it."""
    swapped = [GIVEN[1], GIVEN[0], GIVEN[3], GIVEN[2]]
    found = account(SENT, swapped, ANSWERS, [])
    assert found.order_violations == [("c0", "c1")]
    found = account(SENT, [*GIVEN, GIVEN[0]], ANSWERS, [])
    assert (found.order_violations, found.given_again) == ([], 1)


def test_what_had_its_error_before_is_a_repetition_too() -> None:
    """An error that came after it was given excuses nothing, nor does an FL's answer, nor an error
    that is its only answer: a repetition is a duplicate, which must stand next to a kill.
    """
    swapped = [GIVEN[1], GIVEN[0]]
    once = account(SENT, swapped, [Answered("c0", "NOT_FOUND", None, 99), *ANSWERS[1:]], [])
    assert (len(once.order_violations), once.given_after_an_error) == (1, 0)
    for ms, error, wrong in ((99, "NOT_FOUND", 0), (101, "NOT_FOUND", 1), (99, None, 1)):
        found = account(SENT, swapped, [Answered("c0", error, None, ms), *ANSWERS], [])
        assert (len(found.order_violations), found.given_after_an_error) == (wrong, 1 - wrong)


def test_an_answer_after_its_error_is_dropped() -> None:
    """The FL answered what had been answered with an error: the requester saw one of them."""
    error = Answered("c0", "NOT_FOUND", None, 1)
    found = account(SENT, GIVEN, [error, *ANSWERS[1:]], ["r0", "r1", "r2", "r3", "r3"])
    assert (found.late_dropped, found.duplicates) == (1, [])


def test_a_schedule_is_its_seeds() -> None:
    """The same again; all faults, in order, before the last tenth; nobody leaves too early."""
    for seed in range(50):
        faults = schedule(seed, 10_000)
        assert faults == schedule(seed, 10_000)
        assert Counter(fault.kind for fault in faults) == TIMES
        assert [fault.commands for fault in faults] == sorted(fault.commands for fault in faults)
        assert faults[-1].commands <= 9_000
        more = 0
        for fault in faults:
            more += {"one worker more": 1, "one worker less": -1}.get(fault.kind, 0)
            assert more >= 0
    assert schedule(1, 10_000) != schedule(2, 10_000)
