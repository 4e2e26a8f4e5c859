"""What a file with commands may hold, and what is said of any other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flrouter.cli.sending.command_file import BadFile, FileCommand, read
from flrouter.settings.model import Settings
from tests.support.plain import COMMAND, DUMP, INFO, INSTALL, O, command

CATALOG = Settings().message_catalog
INSTALL_ON_9 = {"clazz": INSTALL, "switch_id": "9"}


def commands(text: str | bytes) -> list[FileCommand]:
    """What a file of this text holds."""
    return read(text if isinstance(text, bytes) else text.encode(), CATALOG, 10_000)


def test_one_object_an_array_or_lines() -> None:
    """The same commands, byte for byte, in the same order."""
    values = [command(INSTALL_ON_9, f"op-{number}") for number in range(3)]
    assert [each.value for each in commands(values[0])] == values[:1]
    assert [each.value for each in commands(b"[%b]" % b",\n".join(values))] == values
    assert [each.value for each in commands(b"\n\n".join(values) + b"\n")] == values
    pretty = json.dumps(json.loads(values[0]), indent=2)
    [one] = commands(pretty)
    assert one.correlation_id == "op-0"


@pytest.mark.parametrize(
    ("payload", "key", "topic", "endless"),
    [
        (INSTALL_ON_9, b"00:00:00:00:00:00:00:09", "kilda.flow", False),
        ({"clazz": DUMP, "switch_id": "9"}, b"00:00:00:00:00:00:00:09", "kilda.northbound", False),
        ({"clazz": INSTALL, "switch_id": "nine"}, b"op", "kilda.flow", False),
        ({"clazz": f"{O}.command.switches.PortsCommandData"}, b"op", "kilda.stats", True),
        ({"clazz": f"{O}.command.discovery.NetworkCommandData"}, b"op", "kilda.topo.disco", True),
        ({"clazz": f"{O}.command.switches.ConnectModeRequest"}, b"op", "kilda.northbound", False),
    ],
)
def test_where_it_goes_and_where_the_answer_comes(
    payload: dict[str, Any], key: bytes, topic: str, endless: bool
) -> None:
    """As the catalog has it; a bad switch id is for the router to refuse."""
    [found] = commands(command(payload, "op"))
    assert (found.key, found.topics, found.endless) == (key, (topic,), endless)
    [found] = commands(command(payload, "op", "mine"))
    assert found.topics == ("mine", topic)


def test_an_id_is_given_to_what_has_none() -> None:
    """Each another one, and it stands in what is sent."""
    found = commands(command(INSTALL_ON_9, None) + b"\n" + command(INSTALL_ON_9, ""))
    for each in found:
        assert each.correlation_id.startswith("cli-")
        assert json.loads(each.value)["correlation_id"] == each.correlation_id
    assert len({each.correlation_id for each in found}) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no command"),
        ("[]", "no command"),
        ("\n \n", "no command"),
        ("{", "not valid JSON"),
        ("[{]", "not valid JSON"),
        (b"\xff", "not valid JSON"),
        ("7", "the command is not a JSON object"),
        ("[7]", "command 1 is not a JSON object"),
        ('{"clazz": 7}', "the command is not a JSON object"),
        (command(INSTALL_ON_9, "op") + b"\nnothing", "line 2 is not a JSON object"),
        (b"[%b, {}]" % command(INSTALL_ON_9, "op"), "command 2 is not a JSON object"),
        (
            json.dumps({"clazz": INFO, "payload": {"clazz": "x"}}),
            "is not a valid command",
        ),
        (json.dumps({"clazz": COMMAND, "payload": {}}), "a payload with a clazz"),
        (json.dumps({"clazz": COMMAND}), "a payload with a clazz"),
        (command(INSTALL_ON_9 | {"x": "x" * 10_000}, "op"), "the router takes 10000"),
        ("[" * 100_000, "not valid JSON"),
    ],
    ids=range(16),
)
def test_what_is_refused(text: str | bytes, said: str) -> None:
    """It says which one is wrong, and what was expected."""
    with pytest.raises(BadFile, match=said):
        commands(text)
