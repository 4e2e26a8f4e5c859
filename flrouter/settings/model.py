"""The settings: one typed, validated place, from the environment or a TOML file.

`load()` reads them. Every rule is checked when a :class:`Settings` is made, so nothing starts with
a wrong value. `docs/settings.md` is made from the fields.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from flrouter import kinds
from flrouter.embedded import SCHEME
from flrouter.kinds import Floodlight, Kind, Refused
from flrouter.messages.kinds.catalog import Catalog
from flrouter.profiles import OWN, ROLES, BadProfile, Profile
from flrouter.profiles import load as load_profile
from flrouter.settings import rules, topic_roles
from flrouter.settings.sources import PREFIX, BadSetting, from_environment, from_file
from flrouter.settings.topic_roles import FloodlightTopics, Use

__all__ = ["BadSetting", "Floodlight", "Settings", "load"]

_TOPIC = kinds.or_nothing(kinds.topic, "")
_TOPICS = kinds.or_nothing(kinds.topics, ())
_TEMPLATE = kinds.or_nothing(kinds.topic_template, "")
#: setting → the role of its topic.
_ANSWER_TOPICS = {f"{role}_topic": role for role in ROLES}

T = TypeVar("T")


def _setting(default: T, kind: Kind[T], doc: str, *, hidden: bool = False) -> T:
    """A field with its kind and its description beside it."""
    metadata = {"kind": kind, "doc": doc}
    return dataclasses.field(default=default, metadata=metadata, repr=not hidden)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings. A field takes what its kind allows, and holds the typed value."""

    broker: str = _setting(
        "kafka://127.0.0.1:9092",
        kinds.broker(("kafka", SCHEME)),
        "Kafka's bootstrap servers; `tansu://` is the embedded broker.",
    )
    app_id: str = _setting(
        "flrouter",
        kinds.app_id,
        "The consumer group, and the start of the names of the router's own topics.",
    )
    floodlights: tuple[Floodlight, ...] = _setting(
        (),
        kinds.floodlights,
        "FLs to begin with; it seeds an empty list only. In TOML also `[floodlights.fl-3]` with"
        " `ack = false` for an FL that cannot acknowledge.",
    )
    profile: str = _setting(
        "plain",
        kinds.text(f"{', '.join(OWN)}, or the path of a file"),
        "How FLs and services speak: topics, headers, kinds of messages ([Profiles](profiles.md))."
        " Where a topic below is nothing, it is the profile's.",
    )
    headers: tuple[tuple[str, str], ...] = _setting(
        (), kinds.headers, "Record headers with other values than the profile's."
    )
    inbound_topics: tuple[str, ...] = _setting((), _TOPICS, "Where requesters send commands.")
    fl_read_topic: str = _setting("", _TEMPLATE, "The topic that an FL reads.")
    fl_write_topic: str = _setting("", _TEMPLATE, "The topic that an FL writes.")
    flow_topic: str = _setting("", _TOPIC, "Answers to flow commands, errors.")
    northbound_topic: str = _setting(
        "", _TOPIC, "Answers about rules, meters, ports, connect modes."
    )
    disco_topic: str = _setting("", _TOPIC, "Sync chains, and switch, port and ISL events.")
    stats_topic: str = _setting("", _TOPIC, "Statistics.")
    ping_topic: str = _setting("", _TOPIC, "Answers to pings.")
    partitions: int = _setting(
        8,
        kinds.whole(1, 1024),
        "Partitions of the router's and the FLs' topics; fixed for the life of an `app_id`.",
    )
    replication: int = _setting(1, kinds.whole(1, 100), "Copies of each topic that it creates.")
    ack_timeout: float = _setting(
        5.0, kinds.duration(), "How long an FL may take to acknowledge a command."
    )
    response_timeout: float = _setting(
        30.0, kinds.duration(), "How long an answer, or the next link of a chain, may take."
    )
    blacklist_ttl: float = _setting(
        300.0, kinds.duration(), "How long late answers to a failed command are dropped."
    )
    alive_interval: float = _setting(1.0, kinds.duration(), "The time between alive requests.")
    alive_timeout: float = _setting(
        5.0, kinds.duration(), "An FL silent for this long is in outage; over `alive_interval`."
    )
    sync_timeout: float = _setting(
        10.0,
        kinds.duration(),
        "How long a sync may go without its next link, and commands wait for the first one.",
    )
    sync_retries: int = _setting(
        3, kinds.whole(0, 1000), "How often a sync that failed is asked for again."
    )
    sync_interval: float = _setting(
        60.0, kinds.duration(zero=True), "The time between syncs of an FL without being asked."
    )
    settle_time: float = _setting(
        60.0,
        kinds.duration(),
        "How long an FL must have been there until switches that prefer it come back to it.",
    )
    guarantee: str = _setting(
        "at_least_once",
        kinds.choice("at_least_once", "exactly_once"),
        "What holds when a worker is killed; `exactly_once` needs a broker with transactions and"
        " readers with `isolation.level=read_committed`.",
    )
    store: str = _setting(
        "memory", kinds.choice("memory", "rocksdb"), "Where each worker holds its tables."
    )
    standby: bool = _setting(
        False,
        kinds.yes_or_no,
        "Whether each worker follows the tables of all other shards, to take them over at once;"
        " needs `store` memory.",
    )
    data_dir: str = _setting(
        "", kinds.text("a folder, or nothing"), "Where files go; nothing: `<app_id>-data`."
    )
    dead_letter_topic: str = _setting(
        "",
        _TOPIC,
        "Where records go that nobody can read; nothing: `<app_id>-dead-letters`.",
    )
    max_message_bytes: int = _setting(
        1_000_000, kinds.whole(1024, 2**31 - 1), "The largest message that the broker takes."
    )
    max_pending: int = _setting(
        100_000,
        kinds.whole(10_000, 10**9),
        "Commands without an answer that one shard keeps, at about 1 KB; more wait in Kafka.",
    )
    max_gather: int = _setting(
        100_000,
        kinds.whole(1, 100_000),
        "Switches that one command may list; at most a tenth of `max_message_bytes`.",
    )
    gather_timeout: float = _setting(
        120.0,
        kinds.duration(),
        "How long the answer to a command for several switches or FLs may take at most.",
    )
    session_timeout: float = _setting(
        10.0, kinds.duration(), "A worker that Kafka does not hear for this long loses its shards."
    )
    security_protocol: str = _setting(
        "PLAINTEXT",
        kinds.choice("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
        "How to talk to Kafka.",
    )
    sasl_mechanism: str = _setting(
        "PLAIN",
        kinds.choice("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"),
        "How to log in, when `security_protocol` says SASL.",
    )
    sasl_username: str = _setting("", kinds.text(), "Who logs in.")
    sasl_password: str = _setting("", kinds.secret, "The password; never shown.", hidden=True)
    ssl_cafile: Path | None = _setting(
        None, kinds.file, "Certificates to trust; nothing: the system's."
    )
    ssl_certfile: Path | None = _setting(None, kinds.file, "The certificate to show Kafka.")
    ssl_keyfile: Path | None = _setting(None, kinds.file, "Its key; nothing: in the same file.")
    log_format: str = _setting(
        "text", kinds.choice("text", "json"), "How log lines look: for people, or JSON objects."
    )
    traces_url: str = _setting(
        "",
        kinds.url,
        "An OpenTelemetry collector (OTLP over HTTP, as `http://host:4318/v1/traces`) that gets a"
        " span of each command whose `traceparent` header says that it is sampled; nothing: none.",
    )
    history: bool = _setting(
        False,
        kinds.yes_or_no,
        "Whether workers write what became of each request to the topic `<app_id>-history`"
        " ([History](history.md)).",
    )
    history_payload_bytes: int = _setting(
        0, kinds.whole(0, 10_000), "How many bytes of each command and answer they write there."
    )
    history_database: str = _setting(
        "",
        kinds.database,
        "Where the history worker keeps it; nothing: in files in the folder `history` of"
        " `data_dir`. Passwords are never shown.",
        hidden=True,
    )
    history_days: int = _setting(30, kinds.whole(1, 10_000), "How many days it keeps.")
    history_max_mb: int = _setting(
        20_000, kinds.whole(1, 10**9), "How large its database grows before its oldest days go."
    )
    worker_url: str = _setting(
        "http://127.0.0.1:6066",
        kinds.url,
        "Any worker's web server, for the command line.",
    )
    history_url: str = _setting(
        "",
        kinds.url,
        "The web port of `flrouter history worker`, which the workers ask for `/api/v1/history` and"
        " the dashboard's pages of it; nothing: they show none.",
    )
    web_hosts: tuple[str, ...] = _setting(
        (),
        kinds.hosts,
        "Names by which workers' web ports are called, beside addresses, localhost, the machine's"
        " name and `--web-host`: those of a proxy or a Service. `.example.com` stands for all that"
        " end so.",
    )
    token: str = _setting(
        "",
        kinds.token,
        "What a request that changes anything must show (`Authorization: Bearer ...`); nothing:"
        " only people with a role change anything. Never shown.",
        hidden=True,
    )
    read_token: str = _setting(
        "",
        kinds.token,
        "What a request that reads must show, in the same header or as the password in a browser;"
        " nothing: who reaches the web port may read. Not for `/healthz` and `/readyz`. Never"
        " shown.",
        hidden=True,
    )
    web_certfile: Path | None = _setting(
        None,
        kinds.file,
        "The certificate of the web port, for the name in `--web-host`; nothing: plain HTTP.",
    )
    web_keyfile: Path | None = _setting(None, kinds.file, "Its key; nothing: in the same file.")
    web_cafile: Path | None = _setting(
        None,
        kinds.file,
        "Certificates that workers trust when they ask each other, and the command line when it"
        " asks one; nothing: the system's.",
    )
    proxy_secret: str = _setting(
        "",
        kinds.token,
        "What a proxy that logs people in shows as `X-Flrouter-Proxy`, so that its"
        " `X-Forwarded-User` and `X-Forwarded-Groups` are believed; nothing: nobody's are. Never"
        " shown.",
        hidden=True,
    )
    oidc_issuer: str = _setting(
        "",
        kinds.url,
        "A provider of OpenID Connect whose Bearer tokens are taken; nothing: none.",
    )
    oidc_audience: str = _setting("flrouter", kinds.text(), "For whom such a token must be.")
    oidc_claim: str = _setting(
        "groups",
        kinds.text("a claim's name, or the way to it with dots"),
        "What in a token lists the groups of whom it names.",
    )
    reader_groups: tuple[str, ...] = _setting(
        ("flrouter-reader",), kinds.names, "Groups, of either, that may read."
    )
    operator_groups: tuple[str, ...] = _setting(
        ("flrouter-operator",), kinds.names, "Groups that may change things too."
    )

    def __post_init__(self) -> None:
        """Read every value by its kind, then check those that depend on each other.

        Raises:
            BadSetting: for the first wrong value.
        """
        for field in dataclasses.fields(self):
            kind, given = field.metadata["kind"], getattr(self, field.name)
            try:
                object.__setattr__(self, field.name, kind.read(given))
            except Refused as error:
                detail = f"{error}; " if str(error) else ""
                problem = f"{detail}expected {kind.allowed}"
                raise BadSetting(field.name, kind.show(given), problem) from None
        self._take_the_profiles_topics()
        self._check_topics()
        for wrong in rules.broken(self):
            raise self._wrong(*wrong)

    def _wrong(self, name: str, problem: str, shown: str | None = None) -> BadSetting:
        kind = next(f for f in dataclasses.fields(self) if f.name == name).metadata["kind"]
        return BadSetting(name, shown or kind.show(getattr(self, name)), problem)

    def _take_the_profiles_topics(self) -> None:
        """Topics that are not set are the profile's."""
        speaks = self.speaks
        of_profile = {
            **{name: speaks.topics[role] for name, role in _ANSWER_TOPICS.items()},
            "inbound_topics": tuple(one.topic for one in speaks.inbound),
            "fl_read_topic": speaks.asks,
            "fl_write_topic": speaks.write[0],
        }
        for name, value in of_profile.items():
            given = getattr(self, name)
            if not given:
                object.__setattr__(self, name, value)
            elif given != value and speaks.many and name not in _ANSWER_TOPICS:
                problem = "names several topics itself: leave it out, or name them in one of yours"
                raise self._wrong(name, f"the profile {self.profile} {problem}")

    def _check_topics(self) -> None:
        conflict = topic_roles.conflict(self._fixed_topics(), self.fl_topics, f"{self.app_id}-")
        if conflict is not None:
            raise self._wrong(*conflict)
        for floodlight in self.floodlights:
            problem = self.problem_of(floodlight.id)
            if problem is not None:
                raise self._wrong("floodlights", f"{floodlight.id}: {problem}: choose another id")

    def problem_of(self, fl: str) -> str | None:
        """Why no FL may have the id `fl`, because of its topics; None: it may."""
        return topic_roles.mistaken(fl, self._fixed_topics(), self.fl_topics)

    def _fixed_topics(self) -> Iterator[Use]:
        """Every topic that has one name."""
        yield Use("app_id", topic_roles.ROUTER, self.shards_topic)
        is_own = self.dead_letter_topic in {"", f"{self.app_id}-dead-letters"}
        role = topic_roles.ROUTER if is_own else topic_roles.DEAD_LETTERS
        yield Use("dead_letter_topic", role, self.dead_letters)
        yield Use("app_id", topic_roles.ROUTER, self.history_topic)
        for topic in self.inbound_topics:
            yield Use("inbound_topics", topic_roles.INBOUND, topic)
        for name in _ANSWER_TOPICS:
            yield Use(name, topic_roles.ANSWERS, getattr(self, name))
        for topic in sorted(self.message_catalog.requester_topics - set(self.topics.values())):
            yield Use("profile", topic_roles.ANSWERS, topic)

    @cached_property
    def speaks(self) -> Profile:
        """The profile.

        Raises:
            BadSetting: it does not exist, or is not valid.
        """
        try:
            return load_profile(self.profile)
        except BadProfile as error:
            raise self._wrong("profile", str(error)) from error

    @cached_property
    def message_catalog(self) -> Catalog:
        """The profile's message kinds, with the topics as set here.

        Raises:
            BadSetting: an entry names an assembler that does not exist.
        """
        try:
            return self.speaks.catalog(self.topics)
        except BadProfile as error:
            raise self._wrong("profile", str(error)) from error

    @property
    def record_headers(self) -> dict[str, bytes]:
        """Headers for every record to FLs and services, unless it has one of that name."""
        values = self.speaks.headers | dict(self.headers)
        return {name: value.encode() for name, value in values.items()}

    @cached_property
    def fl_topics(self) -> FloodlightTopics:
        """The topics of FLs."""
        speaks = self.speaks
        if speaks.many:
            reads = {one.topic: one.read for one in speaks.inbound}
            return FloodlightTopics(speaks.asks, reads, speaks.write)
        reads = dict.fromkeys(self.inbound_topics, self.fl_read_topic)
        return FloodlightTopics(self.fl_read_topic, reads, [self.fl_write_topic])

    def acknowledges(self, floodlight: Floodlight) -> bool:
        """Whether an FL acknowledges commands."""
        return floodlight.ack and bool(self.speaks.acknowledges)

    @property
    def topics(self) -> dict[str, str]:
        """Role that the message catalog may name → topic."""
        return {role: getattr(self, name) for name, role in _ANSWER_TOPICS.items()}

    @property
    def dead_letters(self) -> str:
        """The topic of dead letters."""
        return self.dead_letter_topic or f"{self.app_id}-dead-letters"

    @property
    def history_topic(self) -> str:
        """The topic of the history."""
        return f"{self.app_id}-history"

    @property
    def shards_topic(self) -> str:
        """The topic on which shards talk to each other."""
        return f"{self.app_id}-shards"

    @property
    def data_path(self) -> Path:
        """The folder for files."""
        return Path(self.data_dir or f"{self.app_id}-data")

    @property
    def embedded(self) -> bool:
        """Whether the broker is the embedded one."""
        return self.broker.startswith(f"{SCHEME}://")

    @property
    def bootstrap_servers(self) -> list[str]:
        """The brokers, each as `host:port`."""
        return self.broker.partition("://")[2].split(",")


_NAMES = [field.name for field in dataclasses.fields(Settings)]


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings: defaults, under the TOML file `FLROUTER_CONFIG`, under `FLROUTER_*`.

    Raises:
        BadSetting: a value is wrong, or a name unknown.
    """
    config = environ.get(f"{PREFIX}CONFIG", "")
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name, value, origin in from_file(Path(config), _NAMES) if config else ():
        if name in values:
            raise BadSetting(name, "there twice", "expected one spelling of the name", origin)
        values[name], origins[name] = value, origin
    for name, value, origin in from_environment(environ, _NAMES):
        values[name], origins[name] = value, origin
    try:
        return Settings(**values)
    except BadSetting as error:
        raise error.from_origin(origins.get(error.name, "the default")) from error.__cause__
