"""Moves: an operator has switches go to other FLs, at once or by preference."""

from __future__ import annotations

from dataclasses import dataclass

from flrouter.core.state.context import Context
from flrouter.core.switches.election import Election
from flrouter.core.switches.listeners import Listeners
from flrouter.core.values.events import Event
from flrouter.core.values.records import Mode, Switch
from flrouter.messages.switch_id import BadSwitchId, canonical


@dataclass(eq=False)
class Moves:
    """Moves switches whose home this shard is (protocol.md, 8.2).

    Pending commands stay with their FL (protocol.md, 4.2).
    """

    _context: Context
    _election: Election
    _listeners: Listeners
    #: ms: when to look for switches that prefer another FL.
    _next_look: int = 0

    def rearm(self) -> None:
        """The clock went back: no FL is there since a time that is still to come."""
        context = self._context
        self._next_look = min(self._next_look, context.now)
        for name, state in context.floodlights.items():
            if state.since > context.now:
                state.since = context.now
                context.floodlights.put(name, state)
        for name, switch in context.switches.items():
            for holder in switch.holders.values():
                if holder.since > context.now:
                    holder.since = context.now
                    context.switches.put(name, switch)

    def move(self, name: str, floodlight: str) -> None:
        """Make `floodlight` the switch's active FL.

        It stays there, whatever is preferred, until that FL loses it or is drained.
        """
        context = self._context
        switch = context.switches.get(name)
        holder = switch.holders.get(floodlight) if switch is not None else None
        if switch is None or holder is None or holder.mode is not Mode.RW:
            why = "which is not its master"
        elif not context.floodlights[floodlight].up:
            why = "which is not answering"
        elif context.floodlights[floodlight].drained:
            why = "which is drained"
        else:
            self._election.hand_over(name, switch, floodlight)
            switch.pinned = True
            context.switches.put(name, switch)
            self._listeners.changed(name, switch)
            return
        context.note(f"{name} cannot move to {floodlight}, {why}")
        context.count(Event.MOVES_REFUSED, floodlight)

    def place(self, given: str, region: str) -> None:
        """Note the switch's region: FLs of the same region are preferred."""
        context = self._context
        try:
            name = canonical(given)
        except BadSwitchId as error:
            context.note(str(error))
            return
        if context.home(name) != context.number:
            context.note(f"{name} is no switch of shard {context.number}")
            return
        switch = context.switches.get(name) or Switch({})
        switch.region = region
        context.keep_switch(name, switch)

    def drained(self, floodlight: str) -> None:
        """The FL's switches go to other FLs that hold them."""
        moved = left = 0
        for name, switch in list(self._context.switches.items()):
            if switch.active != floodlight:
                continue
            if self._election.hold(name, switch):
                self._context.switches.put(name, switch)
                self._listeners.changed(name, switch)
                moved += 1
            else:
                left += 1
        if moved or left:
            text = f"floodlight {floodlight} is drained: {moved} switches moved"
            self._context.note(f"{text}; {left} stay, as nobody else serves them")

    def tick(self) -> None:
        """Now and then: bring switches back to the FLs that they prefer.

        An FL gets them back only after the settle time, so one that comes and goes gets none.
        """
        context = self._context
        if context.now < self._next_look:
            return
        self._next_look = context.now + context.rules.settle_time
        known = [state for state in context.floodlights.values() if state.known]
        if len({(state.region, state.weight) for state in known}) > 1:
            for name, switch in list(context.switches.items()):
                if len(switch.holders) > 1 and not switch.pinned and switch.active:
                    self._prefer(name, switch)

    def _prefer(self, name: str, switch: Switch) -> None:
        """Move the switch if it prefers another FL that is as fit as its active one."""
        election, active = self._election, switch.active
        fitness = election.standing(switch, active)
        as_fit = (at for at in sorted(switch.holders) if election.standing(switch, at) == fitness)
        settled = (floodlight for floodlight in as_fit if self._settled(switch, floodlight))
        best = max(settled, key=lambda name: election.liking(switch, name), default=active)
        if not self._context.floodlights[active].up:
            return
        if election.liking(switch, best) > election.liking(switch, active):
            election.hand_over(name, switch, best)
            self._context.switches.put(name, switch)
            self._listeners.changed(name, switch)

    def _settled(self, switch: Switch, floodlight: str) -> bool:
        since = max(self._context.floodlights[floodlight].since, switch.holders[floodlight].since)
        return self._context.now - since >= self._context.rules.settle_time
