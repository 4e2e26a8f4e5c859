"""Who may change something."""

from __future__ import annotations

import pytest

from flrouter.web.api.call import Refusal
from flrouter.web.api.guard import BURST, MOST, RATE, WRONG_BURST, WRONG_RATE, Guard

HERE, THERE = "192.0.2.1", "2001:db8::1"


def status(guard: Guard, authorization: str | None, address: str = HERE) -> int:
    """How a change with this header is answered; 202 when it is let pass."""
    try:
        guard.admit(authorization, address)
    except Refusal as refusal:
        return refusal.status
    return 202


def test_without_a_token_nobody_changes_anything() -> None:
    """Whatever is shown; and the refusal names the setting."""
    guard = Guard("")
    assert {status(guard, shown) for shown in (None, "Bearer ", "Bearer x")} == {403}
    with pytest.raises(Refusal, match="FLROUTER_TOKEN"):
        guard.admit(None, HERE)


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        ("Bearer secret", 202),
        ("bearer  secret ", 202),
        (None, 401),
        ("secret", 401),
        ("Basic secret", 401),
        ("Bearer secre", 403),
        ("Bearer secret2", 403),
        ("Bearer \udcff", 403),
    ],
)
def test_the_token_is_compared(shown: str | None, wanted: int) -> None:
    """All of it, as a Bearer token alone."""
    assert status(Guard("secret"), shown) == wanted


def test_changes_are_limited() -> None:
    """A burst passes, then so many a second; wrong tokens use up nothing."""
    now = 0.0
    guard = Guard("secret", lambda: now)
    assert status(guard, "Bearer wrong") == 403
    assert [status(guard, "Bearer secret") for _ in range(BURST + 1)] == [202] * BURST + [429]
    now += 2 / RATE
    assert [status(guard, "Bearer secret") for _ in range(3)] == [202, 202, 429]


def test_wrong_tokens_are_limited() -> None:
    """Of the address that they come from: others are heard; and it is heard again soon."""
    now = 0.0
    guard = Guard("secret", lambda: now)
    wrong = [status(guard, "Bearer wrong") for _ in range(WRONG_BURST + 1)]
    assert wrong == [403] * WRONG_BURST + [429]
    assert status(guard, "Bearer secret") == 429, "or else it would be known as the right one"
    assert status(guard, "Bearer secret", THERE) == 202
    now += 1 / WRONG_RATE
    assert [status(guard, f"Bearer {shown}") for shown in ("secret", "wrong", "wrong")] == [
        *(202, 403, 429)
    ]


def test_it_counts_so_many_addresses() -> None:
    """Memory stays bounded."""
    guard = Guard("secret")
    for number in range(2 * MOST + 1):
        assert status(guard, "Bearer wrong", f"2001:db8::{number:x}") == 403
    assert len(guard._wrong) <= MOST
