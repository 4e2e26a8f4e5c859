"""Profiles: those that come with flrouter, and what one may and may not say."""

from __future__ import annotations

import re

import pytest

from flrouter import profiles
from flrouter.profiles import BadProfile
from flrouter.settings.model import Settings
from tests.docs.blocks import of_page

NAMES = pytest.mark.parametrize("name", profiles.OWN)
ROLES = {role: role for role in profiles.ROLES}

#: of each profile: a command's class, the topic that it comes from, where an FL reads it, and
#: where its answer goes.
WAYS = {
    "plain": [
        ("RemoveFlow", "kilda.speaker", "kilda.fl.{fl}.read", "kilda.flow"),
        ("DumpRulesRequest", "kilda.speaker", "kilda.fl.{fl}.read", "kilda.northbound"),
    ],
    "openkilda-2019": [
        (
            "InstallIngressFlow",
            "kilda.speaker.flow.storm",
            "kilda.speaker.flow_{fl}",
            "kilda.flow.storm",
        ),
        (
            "DumpRulesRequest",
            "kilda.speaker.storm",
            "kilda.speaker_{fl}",
            "kilda.northbound.storm",
        ),
        (
            "DumpMetersForSwitchManagerRequest",
            "kilda.speaker.storm",
            "kilda.speaker_{fl}",
            "kilda.topo.switch.manager.storm",
        ),
        (
            "ValidateRulesRequest",
            "kilda.speaker.storm",
            "kilda.speaker_{fl}",
            "kilda.topo.nb.storm",
        ),
        (
            "PingRequest",
            "kilda.speaker.flow.ping.storm",
            "kilda.speaker.flow.ping_{fl}",
            "kilda.ping.storm",
        ),
        (
            "DiscoverIslCommandData",
            "kilda.speaker.disco.storm",
            "kilda.speaker.disco_{fl}",
            "kilda.topo.disco.storm",
        ),
    ],
    "openkilda": [
        (
            "InstallSpeakerCommandsRequest",
            "kilda.speaker.flowhs.storm",
            "kilda.speaker.flow_{fl}",
            "kilda.speaker.flowhs.priv",
        ),
        (
            "InstallSpeakerCommandsRequest",
            "kilda.speaker.switch.manager.storm",
            "kilda.speaker.switch.manager_{fl}",
            "kilda.speaker.switch.manager.priv",
        ),
        (
            "InstallSpeakerCommandsRequest",
            "kilda.network.control.storm",
            "kilda.network.control_{fl}",
            "kilda.speaker.network.control.response.priv",
        ),
        (
            "DumpRulesForFlowHsRequest",
            "kilda.speaker.storm",
            "kilda.speaker_{fl}",
            "kilda.speaker.flowhs.priv",
        ),
        (
            "SwitchRulesDeleteRequest",
            "kilda.speaker.storm",
            "kilda.speaker_{fl}",
            "kilda.topo.switch.manager.storm",
        ),
        (
            "MeterModifyCommandRequest",
            "kilda.speaker.storm",
            "kilda.speaker_{fl}",
            "kilda.topo.nb.storm",
        ),
        (
            "DeleteMeterRequest",
            "kilda.speaker.storm",
            "kilda.speaker_{fl}",
            "kilda.northbound.storm",
        ),
    ],
}


@NAMES
def test_those_of_flrouter_are_settings_that_can_be(name: str) -> None:
    """No topic has two roles, and each FL topic is known as its FL's."""
    settings = Settings(profile=name)
    for topic in settings.fl_topics.written_by("fl-1"):
        assert settings.fl_topics.writer_of(topic) == "fl-1"
    for topic in settings.fl_topics.read_by("fl-1"):
        assert settings.fl_topics.writer_of(topic) is None
    assert (
        len(set(settings.fl_topics.read_by("a") + settings.fl_topics.written_by("a")))
        == {
            "plain": 2,
            "openkilda-2019": 14,
            "openkilda": 17,
        }[name]
    )


@NAMES
def test_where_commands_go_and_who_gets_their_answers(name: str) -> None:
    """By the topic that they come from, and by kind."""
    settings = Settings(profile=name)
    catalog = settings.message_catalog
    for kind, inbound, read, answer in WAYS[name]:
        assert settings.fl_topics.by_inbound[inbound] == read
        entry = catalog.command(f"org.openkilda.{kind}", inbound)
        assert catalog.answer_topic(entry, inbound) == answer, kind


@NAMES
def test_what_is_sent_by_hand_goes_where_its_kind_comes_from(name: str) -> None:
    """An entry that names its topic names the one for whose commands it counts."""
    profile = profiles.load(name)
    topics = {one.topic for one in profile.inbound}
    assert {entry.inbound for entry in profile.command} <= {"", *topics}


def test_an_entry_for_another_topic_does_not_count() -> None:
    """The next one that fits does."""
    catalog = profiles.read(
        """
        extends = "plain"
        [[inbound]]
        topic = "one"
        read = "a.{fl}"
        answer = "answers.one"
        [[inbound]]
        topic = "two"
        read = "b.{fl}"
        answer = "answers.two"
        [[command]]
        kind = "Mine"
        inbound = "one"
        done = "none"
        [[command]]
        kind = "Mine"
        """
    ).catalog(ROLES)
    for inbound, done in (("one", "none"), ("two", "message")):
        entry = catalog.command("Mine", inbound)
        assert entry.done.value == done
        assert catalog.answer_topic(entry, inbound) == f"answers.{inbound}"
    assert catalog.answer_topic(catalog.command("Mine", "gone"), "gone") == "answers.one"


def test_the_example_of_the_docs() -> None:
    """docs/profiles.md shows a profile that can be."""
    [block] = [each.text for each in of_page("docs/profiles.md") if each.language == "toml"]
    catalog = profiles.read(block).catalog(ROLES)
    assert catalog.answer_topic(catalog.command("acme.CountPackets")) == "acme.answers"


def test_what_a_profile_does_not_say_is_as_in_the_one_that_it_extends() -> None:
    """Lists of topics are its own or the other's; headers and roles are put together."""
    profile = profiles.read(
        """
        extends = "openkilda"
        acknowledges = true
        [headers]
        more = "x"
        [topics]
        ping = "my.pings"
        """
    )
    base = profiles.load("openkilda")
    assert profile.acknowledges
    assert profile.headers == {**base.headers, "more": "x"}
    assert profile.topics == {**base.topics, "ping": "my.pings"}
    assert (profile.inbound, profile.own, profile.write) == (base.inbound, base.own, base.write)
    assert profile.event == base.event


def test_events_on_topics_that_an_fl_does_not_write_do_not_count() -> None:
    """Of a profile with other topics than the one that it extends."""
    profile = profiles.read('extends = "openkilda"\nwrite = ["kilda.ping_{fl}"]')
    assert [event.written for event in profile.event if event.written] == ["kilda.ping_{fl}"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[command]", "Expected"),
        ("x = 1", "unknown field `x`"),
        ("", "acknowledges"),
        ("acknowledges = true", "names no inbound"),
        ('extends = "mine"', "expected one of plain"),
        ('extends = "plain"\n[topics]\nflows = "x"', "expected flow, northbound"),
        ('extends = "plain"\n[topics]\nflow = "no topic"', "'no topic' is no topic name"),
        ('extends = "plain"\nwrite = ["mine"]', "it has 'mine': expected a topic name with {fl}"),
        ('extends = "plain"\nown = "{fl}.{fl}"', "with {fl} once in it"),
        ('extends = "plain"\n[headers]\nflrouter-what = "x"', "does not begin with flrouter-"),
        ('extends = "plain"\n[[command]]\nkind = "A"', "names an answer"),
        ('extends = "plain"\n[[command]]\nkind = "A"\nscop = "switch"', "scop"),
        ('extends = "plain"\n[[command]]\nkind = "A"\nscope = "all"', "all"),
        ('extends = "plain"\n[[event]]\nkind = 1\ntopic = "flow"', "kind"),
        (
            'extends = "plain"\n[[command]]\nkind = "A"\nanswer = "flow"\ninbound = "x"',
            "names x, which is no inbound topic",
        ),
        (
            'extends = "plain"\n[[event]]\nkind = "A"\ntopic = "flow"\nwritten = "x.{fl}"',
            "names x.{fl}, which is not in write",
        ),
    ],
)
def test_bad_profiles(text: str, told: str) -> None:
    """Refused with what is wrong."""
    with pytest.raises(BadProfile, match=re.escape(told)):
        profiles.read(text)


def test_no_such_profile() -> None:
    """Neither a name nor a file."""
    with pytest.raises(BadProfile, match="none of plain, openkilda-2019, openkilda, and no file"):
        profiles.load("nobody-s")
