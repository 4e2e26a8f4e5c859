"""Who may change something."""

from __future__ import annotations

from base64 import b64encode

import pytest

from flrouter.web.access.guard import (
    BURST_CHANGES,
    BURST_WRONG_TOKENS,
    CHANGES_PER_S,
    MAX_ADDRESSES,
    WRONG_TOKENS_PER_S,
    Guard,
)
from flrouter.web.calls.call import Refusal

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
    guard = Guard("secret", clock=lambda: now)
    assert status(guard, "Bearer wrong") == 403
    assert [status(guard, "Bearer secret") for _ in range(BURST_CHANGES + 1)] == [
        202
    ] * BURST_CHANGES + [429]
    now += 2 / CHANGES_PER_S
    assert [status(guard, "Bearer secret") for _ in range(3)] == [202, 202, 429]


def test_wrong_tokens_are_limited() -> None:
    """Of the address that they come from: others are heard; and it is heard again soon."""
    now = 0.0
    guard = Guard("secret", clock=lambda: now)
    wrong = [status(guard, "Bearer wrong") for _ in range(BURST_WRONG_TOKENS + 1)]
    assert wrong == [403] * BURST_WRONG_TOKENS + [429]
    assert status(guard, "Bearer secret") == 429, "or else it would be known as the right one"
    assert status(guard, "Bearer secret", THERE) == 202
    now += 1 / WRONG_TOKENS_PER_S
    assert [status(guard, f"Bearer {shown}") for shown in ("secret", "wrong", "wrong")] == [
        *(202, 403, 429)
    ]


def test_it_counts_so_many_addresses() -> None:
    """Memory stays bounded."""
    guard = Guard("secret")
    for number in range(2 * MAX_ADDRESSES + 1):
        assert status(guard, "Bearer wrong", f"2001:db8::{number:x}") == 403
    assert len(guard._wrong) <= MAX_ADDRESSES


def reading(guard: Guard, authorization: str | None, address: str = HERE) -> int:
    """How a request that only reads is answered with this header."""
    try:
        guard.admit_reader(authorization, address)
    except Refusal as refusal:
        return refusal.status
    return 200


def basic(text: str) -> str:
    """What a browser makes of a name and a password."""
    return "Basic " + b64encode(text.encode()).decode()


def test_everybody_reads_unless_there_is_a_token() -> None:
    """Whatever else they show."""
    for guard in (Guard("secret"), Guard("")):
        assert {reading(guard, shown) for shown in (None, "Bearer x", basic("a:b"))} == {200}


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        ("Bearer reader", 200),
        ("Bearer secret", 200),
        (basic("anybody:reader"), 200),
        (basic(":secret"), 200),
        (None, 401),
        ("", 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        ("Bearer reade", 401),
        ("Bearer \udcff", 401),
        (basic("reader"), 401),
        (basic("reader:"), 401),
        (basic("a:b:reader"), 401),
        ("Basic reader", 401),
        ("Basic \udcff", 401),
        ("Digest reader", 401),
    ],
)
def test_readers_show_a_token(shown: str | None, wanted: int) -> None:
    """Either of the two: whoever may change things may read."""
    assert reading(Guard("secret", "reader"), shown) == wanted


def test_without_a_token_for_changes_none_is_let_pass_by_an_empty_one() -> None:
    """The one that is not set is nobody's."""
    guard = Guard("", "reader")
    assert [reading(guard, shown) for shown in ("Bearer ", basic("a:"))] == [401, 401]
    assert status(guard, "Bearer reader") == 403


def test_wrong_tokens_of_readers_are_limited_too() -> None:
    """They would find out the other one, otherwise."""
    now = 0.0
    guard = Guard("secret", "reader", clock=lambda: now)
    wrong = [reading(guard, "Bearer wrong") for _ in range(BURST_WRONG_TOKENS + 1)]
    assert wrong == [401] * BURST_WRONG_TOKENS + [429]
    assert reading(guard, "Bearer reader", THERE) == 200
    assert reading(guard, None) == 401, "nothing was shown, so nothing was tried"
