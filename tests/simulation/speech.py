"""How the FLs and the services of a run speak: a profile, and what requesters ask by it."""

from __future__ import annotations

from typing import NamedTuple

from flrouter import profiles
from flrouter.messages import names
from tests.core.gathered import MANY, O
from tests.core.world import DEAD, FLOW, SHARDS, rules_of
from tests.messages.test_abstract_messages import API

from .scene import OTHER_PARTITIONS, Scene

OTHER_INBOUND = "kilda.speaker.other"
#: ms: how long an FL that names no end must be silent; short as all times of a run.
SYNC_QUIET = 1_500


class Kind(NamedTuple):
    """A kind of command."""

    clazz: str
    #: the only topic where it is sent; empty: to any.
    inbound: str = ""

    @property
    def abstract(self) -> bool:
        """Whether it is an `AbstractMessage`."""
        return self.clazz.startswith(API)


_C = f"{O}.command"
_RULES = f"{API}.request.rulemanager.InstallSpeakerCommandsRequest"
#: what requesters ask one switch for.
KINDS = {
    "plain": [
        Kind(FLOW),
        Kind(f"{_C}.switches.DumpRulesRequest"),
        Kind(f"{_C}.discovery.DiscoverIslCommandData"),
        Kind("a.kind.OfSomebody"),
    ],
    "openkilda": [
        Kind(f"{_C}.switches.DumpRulesRequest", "kilda.speaker.storm"),
        Kind(f"{_C}.switches.DumpRulesForFlowHsRequest", "kilda.speaker.storm"),
        Kind(f"{_C}.switches.DumpRulesForSwitchManagerRequest", "kilda.speaker.storm"),
        Kind(f"{API}.request.IngressFlowSegmentInstallRequest", "kilda.speaker.flowhs.storm"),
        Kind(_RULES, "kilda.speaker.flowhs.storm"),
        Kind(_RULES, "kilda.speaker.switch.manager.storm"),
        Kind(_RULES, "kilda.network.control.storm"),
        Kind(f"{_C}.flow.PingRequest", "kilda.speaker.flow.ping.storm"),
        Kind(f"{_C}.discovery.DiscoverIslCommandData", "kilda.speaker.disco.storm"),
        Kind(f"{_C}.discovery.DiscoverPathCommandData", "kilda.speaker.disco.storm"),
    ],
}
#: what they ask all switches for.
POPULATION = {
    "plain": [],
    "openkilda": [f"{_C}.discovery.PortsCommandData", f"{_C}.stats.StatsRequest"],
}


class Speech:
    """What of a profile a run goes by."""

    def __init__(self, scene: Scene) -> None:
        profile = profiles.load(scene.profile)
        self.catalog = profile.catalog(profile.topics)
        topics = [one.topic for one in profile.inbound]
        if len(topics) == 1:
            topics.append(OTHER_INBOUND)
        #: inbound topic → partitions; the last one has others than the rest.
        self.inbound = dict.fromkeys(topics, scene.partitions) | {topics[-1]: OTHER_PARTITIONS}
        self.rules = rules_of(
            profile,
            scene.partitions,
            reserved_topics=frozenset({*topics, SHARDS, DEAD}),
            gather_timeout=4_500,  # so short that it counts now and then
            sync_quiet=SYNC_QUIET if profile.sync.quiet_s else 0,
        )
        self.kinds = KINDS[scene.profile]
        self.population = [self.kind(clazz) for clazz in POPULATION[scene.profile]]
        self.many, self.sync = self.kind(MANY), self.kind(names.SYNC_REQUEST)

    @property
    def is_of_2025(self) -> bool:
        """Whether FLs are as OpenKilda's of 2025."""
        return self.rules.dumps_by_master

    def kind(self, clazz: str) -> Kind:
        """A kind, sent to where the catalog wants it."""
        return Kind(clazz, self.catalog.command(clazz).inbound)

    def inbound_of(self, kind: Kind, *, other: bool) -> tuple[str, int]:
        """Where a command is sent, and how many partitions that has.

        Args:
            other: to the second topic, if it may go to any.
        """
        topic = kind.inbound or list(self.inbound)[other]
        return topic, self.inbound[topic]
