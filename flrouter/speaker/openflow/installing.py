"""Installing and removing rules, with their meters: all of a command or nothing of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flrouter.messages.errors import ErrorType
from flrouter.speaker.answers import CommandFailed
from flrouter.speaker.openflow import errors, flows, meters
from flrouter.speaker.openflow.flows import Meter, Rule
from flrouter.speaker.openflow.switch import Switch


async def install(switch: Switch, rules: Sequence[Rule]) -> None:
    """Install rules, and return when the switch has confirmed all of them.

    A meter that is there already gets the new rate. When the switch refuses any of it, what it
    took is taken back before the error is told.

    Raises:
        CommandFailed: it refused something, has no such port, or did not confirm.
    """
    for rule in rules:
        switch.port(rule.in_port)
        switch.port(rule.out_port)
    wanted: list[Rule | Meter] = []
    for rule in rules:
        if rule.meter is not None:
            wanted.append(rule.meter)
        wanted.append(rule)
    refused = await switch.carry_out([_add(each) for each in wanted])
    there = {index for index, error in refused.items() if meters.already_there(error)}
    failed = {index: error for index, error in refused.items() if index not in there}
    if not failed and there:
        changes = [wanted[index] for index in sorted(there)]
        failed = await switch.carry_out(
            [meters.change(meter) for meter in changes if isinstance(meter, Meter)]
        )
        if failed:
            wanted = [*changes, *(each for each in wanted if isinstance(each, Rule))]
            there = set(range(len(changes)))
    if failed:
        took = [each for index, each in enumerate(wanted) if index not in {*failed, *there}]
        await switch.carry_out([_take_back(each) for each in took])
        raise _failure(switch, wanted, failed, len(rules))


async def remove(switch: Switch, kind: str, payload: Mapping[str, Any]) -> None:
    """Remove a flow's rule and its meter; one that is not there is removed already.

    Raises:
        CommandFailed: the command cannot be read, or the switch refused or did not confirm.
    """
    mod, meter = flows.removal(kind, payload)
    mods = [mod] if not meter else [mod, meters.delete(meter)]
    refused = await switch.carry_out(mods)
    refused.pop(1, None)  # the meter: not there, or none that a switch can have
    if refused:
        what = f"removing a rule of switch {switch.id}"
        raise errors.refusal(refused[0], what, ErrorType.DELETION_FAILURE)


def _failure(
    switch: Switch, wanted: Sequence[Rule | Meter], failed: Mapping[int, Any], count: int
) -> CommandFailed:
    """The first refusal; it says which rule of a batch that was."""
    index = min(failed)
    first = wanted[index]
    if isinstance(first, Meter):
        what = f"meter {first.id} of switch {switch.id}"
    else:
        what = f"the rule with cookie {first.cookie:#x} of switch {switch.id}"
    if count > 1:
        what += f", one of {count}, none of which is installed now,"
    return errors.refusal(failed[index], what, ErrorType.CREATION_FAILURE)


def _add(wanted: Rule | Meter) -> Any:
    return meters.add(wanted) if isinstance(wanted, Meter) else flows.add(wanted)


def _take_back(wanted: Rule | Meter) -> Any:
    return meters.delete(wanted.id) if isinstance(wanted, Meter) else flows.take_back(wanted)
