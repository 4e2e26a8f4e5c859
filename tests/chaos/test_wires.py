"""The topics of a run are those of its profile, whichever of flrouter's own it is."""

from __future__ import annotations

import pytest

from flrouter import profiles
from flrouter.settings.model import Settings
from tests.chaos.wires import DUMP, INSTALL, Wires


@pytest.mark.parametrize("profile", profiles.OWN)
def test_each_kind_has_its_way(profile: str) -> None:
    """Where it is read, and where its answer is looked for, are where the router has them."""
    wires, settings = Wires(profile), Settings(profile=profile)
    catalog = settings.message_catalog
    for kind in (INSTALL, DUMP):
        topic = wires.inbound[kind]
        assert topic in settings.inbound_topics
        assert catalog.answer_topic(catalog.command(kind, topic), topic) in wires.answers
    topics = wires.all(("fl-1",))
    assert len(topics) == len(set(topics))
    assert {*wires.inbound.values(), *wires.answers, *wires.reads("fl-1")} <= set(topics)
    assert set(wires.writes("fl-1")) <= set(topics)
