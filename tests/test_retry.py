"""Retries: their pauses grow, are random, and begin anew; a reminder comes once a minute."""

from __future__ import annotations

from flrouter.retry import LINE_INTERVAL_S, Backoff, Reminder


def test_pauses_grow_up_to_the_longest() -> None:
    """Each is between half of what it may be and all of that."""
    backoff = Backoff(1, 5)
    for most in (1, 2, 4, 5, 5):
        assert most / 2 <= backoff.next_s() <= most


def test_pauses_differ() -> None:
    """Clients that fail at the same moment do not come back at the same moment."""
    assert len({Backoff(1, 5).next_s() for _ in range(10)}) > 1


def test_a_success_ends_them() -> None:
    """The next failure waits as briefly as the first."""
    backoff = Backoff(1, 8)
    for _ in range(4):
        backoff.next_s()
    backoff.reset()
    assert backoff.next_s() <= 1


def test_a_reminder_comes_once_a_minute() -> None:
    """And the first one only after the time that it was given."""
    now = 100.0
    reminder = Reminder(5, clock=lambda: now)
    assert not reminder.is_due()
    now += 5
    assert reminder.is_due()
    assert not reminder.is_due()
    now += LINE_INTERVAL_S
    assert reminder.is_due()


def test_a_reminder_comes_at_once_unless_told_otherwise() -> None:
    """Most of what fails is worth a line the first time."""
    assert Reminder().is_due()
