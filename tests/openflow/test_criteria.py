"""What a command that deletes names, and that it never deletes more."""

from __future__ import annotations

from typing import Any

import pytest

from flrouter.messages.errors import ErrorType
from flrouter.speaker.answers import CommandFailed
from flrouter.speaker.openflow.flows import flows

REMOVAL = {"cookie": 1, "switch_id": "1"}


@pytest.mark.parametrize(
    ("criteria", "kind"),
    [
        ({"encapsulation_id": 200}, ErrorType.DATA_INVALID),
        ({"cookie": 1, "encapsulation_id": 200}, ErrorType.DATA_INVALID),
        ({"cookie": "x"}, ErrorType.DATA_INVALID),
        ([], ErrorType.DATA_INVALID),
        ({}, ErrorType.PARAMETERS_INVALID),
        ({"cookie": None, "encapsulation_type": None}, ErrorType.PARAMETERS_INVALID),
        ({"in_vlan": 0}, ErrorType.PARAMETERS_INVALID),
    ],
)
def test_criteria_that_would_delete_more_than_they_say(criteria: Any, kind: ErrorType) -> None:
    """A criterion that is not known, and none at all, are errors and not every rule."""
    with pytest.raises(CommandFailed) as failed:
        flows.criteria_of("SwitchRulesDeleteRequest", criteria)
    assert failed.value.kind is kind


def test_criteria_that_are_known() -> None:
    """Nulls do not matter, whatever they are called."""
    found = flows.criteria_of("x", {"in_port": 3, "in_vlan": 0, "encapsulation_type": None})
    assert found == flows.Criteria(in_port=3, in_vlan=0)


def test_a_removal_with_a_criterion_that_is_not_known() -> None:
    """It could have spared one of two rules with the cookie."""
    with pytest.raises(CommandFailed, match="encapsulation_id"):
        flows.removal("RemoveFlow", {**REMOVAL, "criteria": {"encapsulation_id": 200}})


@pytest.mark.parametrize("meter", [0xFFFF_FFFF, 0xFFFF_0001])
def test_a_removal_of_all_meters(meter: int) -> None:
    """OpenFlow's number for every meter is no meter's."""
    with pytest.raises(CommandFailed, match="meter_id"):
        flows.removal("RemoveFlow", {**REMOVAL, "meter_id": meter})
    assert flows.removal("RemoveFlow", {**REMOVAL, "meter_id": 0xFFFF_0000})[1] == 0xFFFF_0000
