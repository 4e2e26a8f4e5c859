"""Installs and removes rules with their meters: either all of a command, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flrouter.messages.errors import ErrorType
from flrouter.speaker.answers import CommandFailed
from flrouter.speaker.openflow.flows import flows, meters, rules
from flrouter.speaker.openflow.flows.flows import Meter, Rule
from flrouter.speaker.openflow.switches import errors
from flrouter.speaker.openflow.switches.switch import Switch
from flrouter.speaker.openflow.switches.wire import of


async def install(switch: Switch, wanted: Sequence[Rule]) -> None:
    """Install rules, and return when the switch has confirmed all of them.

    If the switch refuses any, the new rules and meters are removed before the error is raised. Old
    state is not restored: a rule that replaced one with the same match stays, and so does the new
    rate of a meter.

    Raises:
        CommandFailed: the switch refused something, has no such port, or did not confirm.
    """
    for rule in wanted:
        switch.port(rule.in_port)
        switch.port(rule.out_port)
    # A single rule that is refused has replaced nothing.
    before = await _matches(switch) if len(wanted) > 1 else set()
    # A rule without its meter is refused, so the meters come first.
    added = await _limit(switch, [rule.meter for rule in wanted if rule.meter is not None])
    refused = await switch.carry_out([flows.add(rule) for rule in wanted])
    if not refused:
        return
    took = [rule for index, rule in enumerate(wanted) if index not in refused]
    replaced = [rule for rule in took if flows.key(rule) in before]
    # A switch deletes a meter together with the rules that it limits.
    used = {rule.meter.id for rule in replaced if rule.meter is not None}
    await switch.carry_out(
        [
            *(flows.take_back(rule) for rule in took if rule not in replaced),
            *(meters.delete(meter) for meter in added - used),
        ]
    )
    raise _failure(switch, wanted, refused, replaced)


async def _limit(switch: Switch, wanted: Sequence[Meter]) -> set[int]:
    """Add meters, and give meters that exist the new rate; returns the ids of the added ones.

    Raises:
        CommandFailed: the switch refused a meter, or did not confirm. Added meters are removed.
    """
    if not wanted:
        return set()
    refused = await switch.carry_out([meters.put(meter, of.OFPMC_ADD) for meter in wanted])
    added = {meter.id for index, meter in enumerate(wanted) if index not in refused}
    there = [index for index, error in refused.items() if (error.type, error.code) == meters.EXISTS]
    failed = {wanted[index].id: refused[index] for index in refused if index not in there}
    if not failed and there:
        changes = [wanted[index] for index in there]
        refused = await switch.carry_out([meters.put(meter, of.OFPMC_MODIFY) for meter in changes])
        failed = {changes[index].id: error for index, error in refused.items()}
    if failed:
        await switch.carry_out([meters.delete(meter) for meter in added])
        meter, error = next(iter(failed.items()))
        action = f"meter {meter} of switch {switch.id}"
        raise errors.refusal(error, action, ErrorType.CREATION_FAILURE)
    return added


async def _matches(switch: Switch) -> set[flows.Key]:
    """The keys of the rules that the switch has."""
    return {
        (stats.priority, frozenset(stats.match.items()))
        for stats in await rules.on(switch)
        if stats.table_id == 0
    }


async def remove(switch: Switch, kind: str, payload: Mapping[str, Any]) -> None:
    """Remove a flow's rule and its meter; a missing rule or meter counts as removed.

    Raises:
        CommandFailed: the command cannot be read, or the switch refused or did not confirm.
    """
    mod, meter = flows.removal(kind, payload)
    mods = [mod] if not meter else [mod, meters.delete(meter)]
    refused = await switch.carry_out(mods)
    refused.pop(1, None)  # the meter: it is missing, or its id is impossible
    if refused:
        action = f"removing a rule of switch {switch.id}"
        raise errors.refusal(refused[0], action, ErrorType.DELETION_FAILURE)


def _failure(
    switch: Switch, wanted: Sequence[Rule], refused: Mapping[int, Any], replaced: Sequence[Rule]
) -> CommandFailed:
    """The error for the first refusal: which rule of a batch it was, and what was not restored."""
    index = min(refused)
    action = f"the rule with cookie {wanted[index].cookie:#x} of switch {switch.id}"
    if len(wanted) > 1:
        action += f", one of {len(wanted)}, none of which is installed now,"
    if replaced:
        cookies = ", ".join(f"{rule.cookie:#x}" for rule in replaced)
        action += f" except for {cookies}, which replaced rules with the same match,"
    return errors.refusal(refused[index], action, ErrorType.CREATION_FAILURE)
