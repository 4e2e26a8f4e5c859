"""The view: whatever order news are read in and however often, the newest counts."""

from __future__ import annotations

import random
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flrouter.network.view import Link, News, State, Switch

RUN = settings(
    max_examples=1000, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)
PORTS = (1, 2, 3)

#: what happens next: to the switch, to a port (by an event, or unseen), or a sync and its snapshot.
happenings = st.lists(
    st.one_of(
        st.tuples(st.just("switch"), st.sampled_from(State)),
        st.tuples(st.just("port"), st.sampled_from(PORTS), st.sampled_from(Link)),
        st.tuples(st.just("unseen"), st.sampled_from(PORTS), st.sampled_from(Link)),
        st.just(("begin",)),
        st.just(("snapshot",)),
    ),
    min_size=1,
    max_size=20,
)


def hear(told: list[News]) -> Switch:
    """A switch of which all this was heard, in this order, and which was stored in between."""
    switch = Switch()
    for news in told:
        switch.hear(msgspec.json.decode(msgspec.json.encode(news), type=News))
        switch = msgspec.json.decode(msgspec.json.encode(switch), type=Switch)
    return switch


@RUN
@given(happens=happenings, seed=st.integers(0, 1 << 30), tick=st.integers(0, 1), last=st.booleans())
def test_news_in_any_order(happens: list[Any], seed: int, tick: int, last: bool) -> None:
    """In the end the view is what the switch is: events that came while a sync ran win over its
    chain, the chain wins over what was before, and what happened unseen is known by the next chain.

    With `tick` 0 several things happen in one millisecond; with `last` a sync ends the story.
    """
    chance = random.Random(seed)
    now, state = 0, State.ONLINE
    ports: dict[int, Link] = {}
    events: list[News] = [News(0, state)]
    chains: list[News] = []
    began: int | None = None
    for what in [*happens, *([("begin",), ("snapshot",)] if last else [])]:
        now += tick or chance.randrange(2)
        match what:
            case ("switch", found):
                state = found
                events.append(News(now, state))
            case ("port", number, link):
                ports[number] = link
                events.append(News(now, ports={number: link}))
            case ("unseen", number, link) if last and began is None:
                ports[number] = link
            case ("begin",) if began is None:
                now += 1
                began = now
            case ("snapshot",) if began is not None:
                if state is State.ONLINE:
                    there = {number: link for number, link in ports.items() if link != Link.GONE}
                    chains.append(News(began, state, there, all_ports=True, listed=True))
                began = None
    told = list(events)
    for each in chains:
        told.insert(chance.randrange(len(told) + 1), each)
    if tick:  # those of one millisecond keep their order, as their partition does
        told += chance.sample(told, chance.randrange(len(told) + 1))
        chance.shuffle(told)
    found = hear(told)
    assert found.state is state
    if state is State.ONLINE:
        expected = {str(number): link for number, link in ports.items() if link is not Link.GONE}
        assert found.as_json()["ports"] == dict(sorted(expected.items()))


def test_a_port_that_a_chain_does_not_list_is_gone() -> None:
    """And what was said of it before does not bring it back; later news do."""
    listed = News(5, State.ONLINE, {1: Link.UP}, all_ports=True, listed=True)
    before = News(4, ports={2: Link.UP})
    for told in ([before, listed], [listed, before]):
        assert hear(told).as_json() == {"state": "online", "ports": {"1": "UP"}}
    later = hear([listed, News(6, ports={2: Link.DOWN}), before])
    assert later.as_json()["ports"] == {"1": "UP", "2": "DOWN"}


def test_a_list_without_ports_leaves_them_as_they_were() -> None:
    """Older dumps name the switch alone."""
    told = [News(1, ports={2: Link.UP}), News(5, State.ONLINE, listed=True)]
    assert hear(told).as_json()["ports"] == {"2": "UP"}


def test_in_the_millisecond_in_which_a_sync_began_an_event_is_newer() -> None:
    """The FL is asked after the sync began, so whatever it reported by then is in its chain."""
    listed = News(5, State.ONLINE, {1: Link.UP}, all_ports=True, listed=True)
    event = News(5, State.OFFLINE, {1: Link.DOWN})
    for told in ([event, listed], [listed, event]):
        assert hear(told).as_json() == {"state": "offline", "ports": {"1": "DOWN"}}
