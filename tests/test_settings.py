"""The settings: where values come from, what is refused and in which words."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flrouter.kinds import Refused, floodlight_id
from flrouter.settings import model as settings_module
from flrouter.settings import rules
from flrouter.settings.model import BadSetting, Floodlight, Settings, load
from flrouter.web_port import tls
from tests.docs.settings_page import as_markdown

DOCS = Path(__file__).parent.parent / "docs" / "settings.md"


def from_toml(tmp_path: Path, toml: str, **environ: str) -> Settings:
    """The settings under a file with the text `toml` and the environment `environ`."""
    path = tmp_path / "router.toml"
    path.write_text(toml, "utf-8")
    return load({"FLROUTER_CONFIG": str(path), **environ})


def refusal(**environ: str) -> str:
    """The text with which `environ` (names without FLROUTER_) is refused."""
    with pytest.raises(BadSetting) as caught:
        load({f"FLROUTER_{name}": value for name, value in environ.items()})
    return str(caught.value)


def test_defaults() -> None:
    """With nothing set, the topics are OpenKilda's and the broker is on this machine."""
    settings = load({})
    assert settings == Settings()
    assert settings.bootstrap_servers == ["127.0.0.1:9092"]
    assert settings.inbound_topics == ("kilda.speaker",)
    assert not settings.embedded
    assert settings.topics == {
        "flow": "kilda.flow",
        "northbound": "kilda.northbound",
        "disco": "kilda.topo.disco",
        "stats": "kilda.stats",
        "ping": "kilda.ping",
    }


def test_own_topics_follow_the_app_id() -> None:
    """Two routers on one Kafka share none of the router's own topics."""
    settings = load({"FLROUTER_APP_ID": "east"})
    assert settings.shards_topic == "east-shards"
    assert settings.dead_letters == "east-dead-letters"
    assert settings.data_path == Path("east-data")


def test_foreign_variables_do_not_matter() -> None:
    """Other programs' variables and those of tests are left alone."""
    assert load({"PATH": "/bin", "FLROUTER_TEST_SEED": "1", "FLROUTER_CONFIG": ""}) == Settings()


def test_environment_wins_over_file_over_default(tmp_path: Path) -> None:
    """The nearer to the command line, the stronger."""
    settings = from_toml(
        tmp_path, "partitions = 4\nack_timeout = 2\nAPP_ID = 'west'", FLROUTER_PARTITIONS="16"
    )
    assert (settings.partitions, settings.ack_timeout) == (16, 2.0)
    assert (settings.app_id, settings.replication) == ("west", 1)


def test_every_text_form_has_a_toml_form(tmp_path: Path) -> None:
    """Lists are lists in TOML and text with commas elsewhere; both give the same settings."""
    toml = 'inbound_topics = ["a", "b"]\nfloodlights = ["fl-1", "fl-2"]\nsync_interval = 0'
    environ = {
        "FLROUTER_INBOUND_TOPICS": "a, b",
        "FLROUTER_FLOODLIGHTS": "fl-1,fl-2,",
        "FLROUTER_SYNC_INTERVAL": "0",
    }
    assert from_toml(tmp_path, toml) == load(environ)


def test_floodlights_as_table(tmp_path: Path) -> None:
    """A table can say of an FL that it does not acknowledge."""
    settings = from_toml(tmp_path, "[floodlights.fl-3]\nack = false\n[floodlights.fl-4]\n")
    assert settings.floodlights == (Floodlight("fl-3", ack=False), Floodlight("fl-4"))


def test_paths_in_a_file_are_relative_to_it(tmp_path: Path) -> None:
    """A settings file and what it names can be moved together."""
    (tmp_path / "mine.toml").write_text('extends = "plain"', "utf-8")
    settings = from_toml(tmp_path, 'profile = "mine.toml"\ndata_dir = "state"')
    assert settings.profile == str(tmp_path / "mine.toml")
    assert settings.data_path == tmp_path / "state"


def test_settings_made_in_code_keep_the_same_rules() -> None:
    """Values that were read once can be given again, and wrong ones are refused here too."""
    settings = Settings(floodlights=(Floodlight("fl-1", ack=False),), ack_timeout=1)
    assert settings.floodlights == (Floodlight("fl-1", ack=False),)
    with pytest.raises(BadSetting, match=r"partitions is 0 \(given in code\)"):
        Settings(partitions=0)


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("kafka://a", ["a:9092"]),
        ("kafka://a:1,b:2", ["a:1", "b:2"]),
        ("kafka://a:1;kafka://b/", ["a:1", "b:9092"]),
        ("tansu://[::1]:9093", ["[::1]:9093"]),
    ],
)
def test_broker_forms(text: str, servers: list[str]) -> None:
    """Hosts stand after commas or semicolons, with or without the scheme and the port."""
    settings = load({"FLROUTER_BROKER": text})
    assert settings.bootstrap_servers == servers
    assert settings.embedded == text.startswith("tansu")


@pytest.mark.parametrize(
    "text",
    ["", "a:9092", "http://a", "kafka://", "kafka://a,tansu://b", "kafka://a:0", "kafka://a b"],
)
def test_bad_brokers(text: str) -> None:
    """A broker needs one of the two schemes and a host."""
    assert "expected kafka://host:port or tansu://host:port" in refusal(BROKER=text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("2", 2.0), ("0.25", 0.25), ("500ms", 0.5), ("2 s", 2.0), ("1m", 60.0)]
)
def test_durations(text: str, seconds: float) -> None:
    """A duration is a number of seconds or has a unit."""
    assert load({"FLROUTER_RESPONSE_TIMEOUT": text}).response_timeout == seconds


@pytest.mark.parametrize("text", ["", "0", "-1", "nan", "inf", "1 day", "1e3", "31d", "999999h"])
def test_bad_durations(text: str) -> None:
    """Only the interval between syncs may be nought."""
    told = refusal(RESPONSE_TIMEOUT=text)
    assert told == (
        f"setting response_timeout is {text!r} (from the environment, FLROUTER_RESPONSE_TIMEOUT):"
        " expected seconds, or a duration as 500ms, 2s, 1m (1 ms to 30 days)"
    )


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("PARTITIONS", "1025", "a whole number from 1 to 1024"),
        ("PARTITIONS", "eight", "a whole number from 1 to 1024"),
        ("STORE", "disk", "expected memory or rocksdb"),
        ("SECURITY_PROTOCOL", "TLS", "expected PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"),
        ("INBOUND_TOPICS", " , ", "at least one"),
        ("INBOUND_TOPICS", "a,b c", "'b c' is no topic name"),
        ("FLOW_TOPIC", "..", "'..' is no topic name"),
        ("FL_READ_TOPIC", "kilda.read", "{fl} once"),
        ("FL_READ_TOPIC", "{fl}.{fl}", "{fl} once"),
        ("FL_READ_TOPIC", "{fl}" + "x" * 186, "is no topic name"),
        ("FLOODLIGHTS", "fl-1,fl 2", "'fl 2' is no FL id"),
        ("FLOODLIGHTS", "fl-1,fl-1", "would share their topics"),
        ("FLOODLIGHTS", "a_b,a.b", "would share their topics"),
        ("APP_ID", "x" * 101, "1 to 100"),
        ("ALIVE_TIMEOUT", "1s", "more than alive_interval (1.0 s)"),
        ("PROFILE", "/no/such/file", "no file that can be read"),
        ("PROFILE", "\0", "no file that can be read"),
    ],
)
def test_wrong_values(name: str, value: str, told: str) -> None:
    """The text names the setting, its value, where that came from and what is allowed."""
    text = refusal(**{name: value})
    assert told in text
    assert f"setting {name.lower()} is {value!r}" in text or name == "ALIVE_TIMEOUT"
    assert f"FLROUTER_{name}" in text


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"FLOW_TOPIC": "kilda.speaker"}, "kilda.speaker is an inbound topic too"),
        ({"FLOW_TOPIC": "kilda_speaker"}, "kilda_speaker is an inbound topic too (kilda.speaker)"),
        ({"INBOUND_TOPICS": "a,a"}, "a is an inbound topic too"),
        ({"INBOUND_TOPICS": "kilda.fl.x.read"}, "could be an FL's topic too (fl_read_topic"),
        ({"PING_TOPIC": "kilda.fl.x.write"}, "could be an FL's topic too (fl_write_topic"),
        ({"PING_TOPIC": "flrouter-shards"}, "names that begin with flrouter- are the router's own"),
        ({"DEAD_LETTER_TOPIC": "flrouter-pending"}, "are the router's own"),
        ({"DEAD_LETTER_TOPIC": "kilda.flow"}, "kilda.flow is the dead-letter topic too"),
        ({"FL_WRITE_TOPIC": "flrouter-{fl}"}, "are the router's own"),
        ({"FL_WRITE_TOPIC": "kilda.fl.{fl}.read"}, "could be another's read topic"),
        ({"FL_WRITE_TOPIC": "kilda.{fl}.read"}, "could be another's read topic"),
        ({"FL_WRITE_TOPIC": "{fl}-shards"}, "flrouter-shards would be an FL's topic"),
    ],
)
def test_no_topic_has_two_roles(environ: dict[str, str], told: str) -> None:
    """A topic is inbound, an FL's, for answers or the router's own, for any FL added later too."""
    assert told in refusal(**environ)


def test_answers_may_share_a_topic() -> None:
    """Requesters may read all answers from one topic."""
    settings = load({"FLROUTER_FLOW_TOPIC": "answers", "FLROUTER_PING_TOPIC": "answers"})
    assert settings.topics["flow"] == settings.topics["ping"] == "answers"


@pytest.mark.parametrize("name", ["flrouter-dead-letters", "trash"])
def test_dead_letters_elsewhere(name: str) -> None:
    """Dead letters go where the setting says; naming the default is no clash."""
    assert load({"FLROUTER_DEAD_LETTER_TOPIC": name}).dead_letters == name


@pytest.mark.parametrize(
    ("variable", "told"),
    [
        ("FLROUTER_BROKR", "did you mean FLROUTER_BROKER?"),
        ("FLROUTER_ack_timeout", "did you mean FLROUTER_ACK_TIMEOUT?"),
        ("FLROUTER_QQQQQQQQQ", "see docs/settings.md"),
    ],
)
def test_unknown_variables(variable: str, told: str) -> None:
    """A name that nobody reads is an error, so that a typing mistake cannot pass in silence."""
    with pytest.raises(BadSetting) as caught:
        load({variable: "hunter2"})
    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ("flodlights = 1", "did you mean floodlights?"),
        ("Broker = 'kafka://a'", "Broker is unknown"),
        ("broker = 'kafka://a'\nBROKER = 'kafka://a'", "one spelling of the name"),
        ("broker = ", "expected a readable TOML file"),
        ("partitions = true", "partitions is True"),
        ("partitions = 1.5", "partitions is 1.5"),
        ("ack_timeout = true", "ack_timeout is True"),
        ("ack_timeout = []", r"ack_timeout is []"),
        ("app_id = 7", "app_id is 7"),
        ("inbound_topics = 7", "inbound_topics is 7"),
        ("sasl_password = 7", "sasl_password is '***'"),
        ("floodlights.fl-1.ak = false", "which is not a table with ack = true or false"),
        ("floodlights.fl-1 = false", "which is not a table with ack = true or false"),
        ("floodlights.fl-1.ack = 'no'", "fl-1 has ack = 'no'"),
    ],
)
def test_wrong_files(tmp_path: Path, toml: str, told: str) -> None:
    """What is wrong with a file is told with the file's name."""
    with pytest.raises(BadSetting) as caught:
        from_toml(tmp_path, toml)
    assert told in str(caught.value)
    assert str(tmp_path / "router.toml") in str(caught.value)


def test_missing_file() -> None:
    """A settings file that is not there stops the start."""
    assert "No such file" in refusal(CONFIG="/no/such/file.toml")


def test_passwords_are_never_shown() -> None:
    """Neither `repr` nor an error shows a password, nor one that stands in a URL."""
    environ = {
        "FLROUTER_SECURITY_PROTOCOL": "sasl_plaintext",
        "FLROUTER_SASL_USERNAME": "router",
        "FLROUTER_SASL_PASSWORD": " hunter2 ",
    }
    settings = load(environ)
    assert settings.sasl_password == " hunter2 "
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in refusal(SASL_PASSWORD="hunter2")
    assert "hunter2" not in repr(load({"FLROUTER_TOKEN": "hunter2-hunter2-hunter2"}))
    database = "postgresql://flrouter:hunter2@db/history"
    assert "hunter2" not in repr(load({"FLROUTER_HISTORY_DATABASE": database}))
    assert "hunter2" not in refusal(TOKEN="hunter2 hunter2")
    assert "hunter2" not in refusal(BROKER="kafka://router:hunt@hunter2@kafka:9092")


def test_a_token_that_can_be_guessed() -> None:
    """Is refused at the start, with what to do; none at all is allowed."""
    told = refusal(TOKEN="fifteen-letters")
    assert "token is '***'" in told
    assert "openssl rand -hex 16" in told
    assert load({"FLROUTER_TOKEN": "sixteen--letters"}).token == "sixteen--letters"
    assert load({"FLROUTER_TOKEN": " "}).token == ""


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"SECURITY_PROTOCOL": "SASL_SSL"}, "sasl_username is ''"),
        ({"SASL_USERNAME": "me"}, "security_protocol is PLAINTEXT"),
        ({"SSL_CAFILE": __file__}, "has no use: security_protocol is PLAINTEXT"),
        ({"SECURITY_PROTOCOL": "SSL", "SSL_KEYFILE": __file__}, "set ssl_certfile"),
        ({"SECURITY_PROTOCOL": "SSL", "BROKER": "tansu://a"}, "knows only PLAINTEXT"),
    ],
)
def test_security_settings_go_together(environ: dict[str, str], told: str) -> None:
    """Nobody believes a connection to be secured that is not."""
    assert told in refusal(**environ)


def test_tls_files() -> None:
    """With TLS the three files are kept as paths."""
    here = Path(__file__)
    settings = Settings(security_protocol="SSL", ssl_cafile=here, ssl_certfile=here)
    assert (settings.ssl_cafile, settings.ssl_keyfile) == (here, None)


def test_rocksdb_must_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store that needs an extra says so before anything starts."""
    assert load({"FLROUTER_STORE": "RocksDB"}).store == "rocksdb"
    monkeypatch.setattr(rules, "find_spec", lambda _: None)
    assert "pip install 'flrouter[rocksdb]'" in refusal(STORE="rocksdb")


def test_a_standby_is_in_memory() -> None:
    """Yes and no have several names; with local copies there is nothing that it could hold."""
    assert load({"FLROUTER_STANDBY": "Yes"}).standby
    assert not load({"FLROUTER_STANDBY": "0"}).standby
    assert "true or false" in refusal(STANDBY="perhaps")
    assert "set store to memory" in refusal(STANDBY="true", STORE="rocksdb")


def test_a_profile_of_ones_own(tmp_path: Path) -> None:
    """Its entries are read first, with the topics that the settings name."""
    path = tmp_path / "mine.toml"
    entry = '[[command]]\nkind = "MyCommand"\nanswer = "my.answers"\n'
    path.write_text(f'extends = "plain"\n{entry}', "utf-8")
    settings = load({"FLROUTER_PROFILE": str(path), "FLROUTER_FLOW_TOPIC": "answers"})
    catalog = settings.message_catalog
    assert catalog.answer_topic(catalog.command("org.MyCommand")) == "my.answers"
    assert catalog.answer_topic(catalog.command("org.Other")) == "answers"


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ("[[command]]\nkind = 7\nanswer = 'flow'", "Expected `str`"),
        ("[[command]]\nkind = 'A'\nanswer = 'no topic'", "'no topic' is no topic name"),
        ("[[event]]\nkind = 'A'\ntopic = 'kilda.speaker'", "kilda.speaker is an inbound topic too"),
    ],
)
def test_bad_profiles(tmp_path: Path, toml: str, told: str) -> None:
    """A profile is checked at the start, the topics that it names too."""
    path = tmp_path / "mine.toml"
    path.write_text(f"extends = 'plain'\n{toml}", "utf-8")
    text = refusal(PROFILE=str(path))
    assert text.startswith("setting profile is")
    assert told in text


def test_topics_that_a_profile_names_itself_are_not_set_as_well() -> None:
    """One setting cannot stand for several topics."""
    for name, value in (
        ("INBOUND_TOPICS", "mine"),
        ("FL_READ_TOPIC", "r.{fl}"),
        ("FL_WRITE_TOPIC", "w.{fl}"),
    ):
        assert "names several topics itself" in refusal(PROFILE="openkilda", **{name: value})
    assert load({"FLROUTER_PROFILE": "openkilda"}).topics["ping"] == "kilda.ping.storm"


@pytest.mark.parametrize(
    ("profile", "name", "told"),
    [
        (
            "openkilda",
            "storm",
            "kilda.speaker.disco_storm from kilda.speaker.disco.storm, an inbound",
        ),
        ("openkilda", "flow_1", "kilda.speaker_flow_1 from kilda.speaker.flow_1, which an FL 1"),
        ("openkilda-2019", "flow.1", "kilda.speaker_flow.1 from kilda.speaker.flow_1"),
    ],
)
def test_ids_whose_topics_kafka_could_not_make(profile: str, name: str, told: str) -> None:
    """It takes . and _ for the same, and OpenKilda's topics have both."""
    assert told in refusal(PROFILE=profile, FLOODLIGHTS=f"reg1,{name}")
    assert load({"FLROUTER_FLOODLIGHTS": f"reg1,{name}"}).floodlights[1].id == name


def test_headers_of_a_profile_have_other_values_when_set() -> None:
    """As text, or as a table; the router's own names are its own."""
    name = "kafka.message.version.header"
    settings = load({"FLROUTER_PROFILE": "openkilda", "FLROUTER_HEADERS": f"{name}=v7, more=x=y"})
    assert settings.record_headers == {name: b"v7", "more": b"x=y"}
    assert Settings(profile="openkilda").record_headers == {name: b"v1"}
    for wrong in ("novalue", "=v", "flrouter-what=peer"):
        assert "setting headers" in refusal(HEADERS=wrong)


@given(fl=st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True))
def test_floodlight_topics_and_back(fl: str) -> None:
    """An FL is known by its write topic, and never by its read topic."""
    settings = Settings(floodlights=(Floodlight(fl),))
    assert settings.fl_topics.writer_of(settings.fl_topics.written_by(fl)[0]) == fl
    assert settings.fl_topics.writer_of(settings.fl_topics.read_by(fl)[0]) is None
    assert floodlight_id(fl) == fl


@pytest.mark.parametrize(
    "topic", ["kilda.flow", "kilda.fl..write", "kildaxfl.a.write", "kilda.fl.a.writes"]
)
def test_other_topics_are_no_floodlights(topic: str) -> None:
    """A topic that no FL id gives belongs to no FL."""
    assert Settings().fl_topics.writer_of(topic) is None


@pytest.mark.parametrize("value", ["", "a b", "x" * 65, "ä", "fl\n", 7, None])
def test_bad_floodlight_ids(value: object) -> None:
    """An FL's id must fit into a topic's name."""
    with pytest.raises(Refused, match="is no FL id: expected 1 to 64"):
        floodlight_id(value)


@given(
    name=st.sampled_from([field.name for field in dataclasses.fields(Settings)]),
    value=st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text()),
)
def test_no_value_raises_anything_else(name: str, value: Any) -> None:
    """Whatever is given, it is taken or refused in words."""
    with contextlib.suppress(BadSetting):
        Settings(**{name: value})


def test_docs_are_up_to_date() -> None:
    """`docs/settings.md` is what the fields say; `make settings` writes it anew."""
    assert DOCS.read_text("utf-8") == as_markdown()


def test_names_of_the_web_port() -> None:
    """Names and ends of names, without ports; a name is not an address of a page."""
    settings = load({"FLROUTER_WEB_HOSTS": "Router.example, .pods.example"})
    assert settings.web_hosts == ("router.example", ".pods.example")
    for wrong in ("router.example:443", "https://router.example", "*", "a..b", "."):
        assert "no host's name" in refusal(WEB_HOSTS=wrong)


def test_who_may_read_may_not_change() -> None:
    """One token for both would let everybody who looks change things."""
    token = "0123456789abcdef"
    assert "read_token" in refusal(TOKEN=token, READ_TOKEN=token)
    assert token not in refusal(TOKEN=token, READ_TOKEN=token)
    assert token not in repr(Settings(read_token=token))
    assert "can be guessed" in refusal(READ_TOKEN="short")


def test_a_certificate_that_is_none_is_told(tmp_path: Path) -> None:
    """Of the web port, and of those whom it trusts: with the setting, the file and what to do."""
    none = tmp_path / "none.pem"
    none.write_text("none")
    for name, made in (("web_certfile", tls.shown), ("web_cafile", tls.trusted)):
        with pytest.raises(BadSetting, match=rf"setting {name} is '.*none.pem' .*expected"):
            made(Settings(**{name: none}))


def test_each_setting_is_used() -> None:
    """Something reads it that does not only check it."""
    used = {f"{name}_topic" for name in Settings().topics}  # by name, for the message catalog
    for path in Path(settings_module.__file__).parents[1].rglob("*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            used |= set(read_in(node, "self" if path.name == "model.py" else "settings"))
    assert {field.name for field in dataclasses.fields(Settings)} - used == set()


def read_in(node: ast.AST, holder: str) -> Iterator[str]:
    """The attributes of settings that code reads, unless it is what checks them."""
    if isinstance(node, ast.FunctionDef) and node.name.startswith("_check"):
        return
    if isinstance(node, ast.Attribute):
        owner = node.value
        name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
        if name.strip("_") == holder:
            yield node.attr
    for child in ast.iter_child_nodes(node):
        yield from read_in(child, holder)


@pytest.mark.parametrize("address", ["mysql://somewhere/db", "postgres://somewhere/db"])
def test_the_history_knows_one_kind_of_server(address: str) -> None:
    """Any other address is a slip, and no folder."""
    with pytest.raises(BadSetting, match="postgresql://"):
        load({"FLROUTER_HISTORY_DATABASE": address})


def test_postgresql_must_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """And its password is never shown."""
    monkeypatch.setattr(rules, "find_spec", lambda _: None)
    with pytest.raises(BadSetting, match=r"pip install 'flrouter\[postgresql\]'") as refused:
        load({"FLROUTER_HISTORY_DATABASE": "postgresql://ann:secret@db/history"})
    assert "secret" not in str(refused.value)
