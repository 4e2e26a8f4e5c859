"""What the group's coordinator says, in one word."""

from __future__ import annotations

import pytest
from aiokafka import errors

from flrouter.faust_side.consumer import answer_of


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ({errors.NoError}, True),
        (set(), True),
        ({errors.UnknownMemberIdError}, False),
        ({errors.NoError, errors.UnknownMemberIdError}, False),
        ({errors.IllegalGenerationError}, None),
        ({errors.RebalanceInProgressError}, None),
        ({errors.NoError, errors.RebalanceInProgressError}, None),
        ({errors.NotCoordinatorForGroupError}, None),
        ({errors.GroupLoadInProgressError}, None),
    ],
)
def test_only_who_is_unknown_is_no_member(
    said: set[type[errors.KafkaError]], answer: bool | None
) -> None:
    """Who is known under a newer generation has joined that, and still holds what it held."""
    assert answer_of(said) is answer
