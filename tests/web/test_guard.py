"""Who may change something."""

from __future__ import annotations

import pytest

from flrouter.web.api.call import Refusal
from flrouter.web.api.guard import BURST, RATE, Guard


def status(guard: Guard, authorization: str | None) -> int:
    """How a change with this header is answered; 202 when it is let pass."""
    try:
        guard.admit(authorization)
    except Refusal as refusal:
        return refusal.status
    return 202


def test_without_a_token_nobody_changes_anything() -> None:
    """Whatever is shown; and the refusal names the setting."""
    guard = Guard("")
    assert {status(guard, shown) for shown in (None, "Bearer ", "Bearer x")} == {403}
    with pytest.raises(Refusal, match="FLROUTER_TOKEN"):
        guard.admit(None)


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
    for _ in range(10 * BURST):
        assert status(guard, "Bearer wrong") == 403
    assert [status(guard, "Bearer secret") for _ in range(BURST + 1)] == [202] * BURST + [429]
    now += 2 / RATE
    assert [status(guard, "Bearer secret") for _ in range(3)] == [202, 202, 429]
