"""Commands for several switches or FLs: scattered, gathered, and answered once."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from flrouter.core.values import peers
from flrouter.core.values.records import Gather, Part
from flrouter.messages import names
from flrouter.messages.forms import build

from .floodlight import ONLY_ACK, SILENT, Doing
from .gathered import DUMP, MANY, SWITCHES, O, answers, ask, entries, holding, outcome
from .world import FLOW, TOPICS, Crash, Log, Record, World


@pytest.fixture
def world() -> World:
    """Two FLs share twelve switches; three shards share them too."""
    return holding("fl-1", "fl-2")


def error_of(world: World, topic: str = "northbound") -> tuple[str, str, str]:
    """Id, type and message of the only answer, which is an error."""
    [record] = answers(world, topic)
    message = record.json
    assert message["clazz"] == names.ERROR
    payload = message["payload"]
    return message["correlation_id"], payload["error-type"], payload["error-message"]


# -- one answer ---------------------------------------------------------------------------------


def test_one_answer_with_an_entry_for_each_switch(world: World) -> None:
    """In request order, each with the FL's own payload, byte for byte."""
    order = SWITCHES[::-1]
    asked = ask(world, order)
    world.run()
    [record] = answers(world)
    assert record.json["clazz"] == names.INFO
    assert record.json["correlation_id"] == "op"
    assert record.key == b"op"
    assert record.header == {"flrouter-request": str(asked.origin)}
    results = entries([record])
    assert [entry["switch_id"] for entry in results] == order
    assert {outcome(entry) for entry in results} == {"ok"}
    assert record.value.count(b'"odd":[1.0,1e5,-0,"\\u0041"]') == len(order)
    assert [len(each.handlings) for each in world.floodlights.values()] == [6, 6]
    world.pass_time(20_000)
    assert len(answers(world)) == 1
    assert not any(world.left().values())


def test_each_switch_may_get_a_command_of_its_own(world: World) -> None:
    """Whole payloads in `commands`; one switch may be there twice, in any spelling."""
    commands = [
        {"clazz": FLOW, "switch_id": "1", "cookie": 1},
        {"clazz": DUMP, "switch_id": SWITCHES[1]},
        {"clazz": FLOW, "switch_id": "0x1", "cookie": 2},
        {"clazz": f"{O}.PingRequest", "ping": {"source": {"switch_id": "3"}}},
    ]
    for floodlight in world.floodlights.values():
        floodlight.usual = Doing(answer="echo")
    world.ask(None, clazz=MANY, commands=commands, reply_to="my.replies")
    world.run()
    [record] = world.seen("my.replies")
    results = entries([record])
    expected = [SWITCHES[0], SWITCHES[1], SWITCHES[0], SWITCHES[2]]
    assert [entry["switch_id"] for entry in results] == expected
    assert [entry["payload"] for entry in results] == commands


def test_what_an_fl_sees(world: World) -> None:
    """A single-switch command as any other: what stood at the top level stands there."""
    fields = {"timestamp": 7, "destination": "CONTROLLER", "strange": [1.50, {"x": None}]}
    payload = {"clazz": MANY, "switch_ids": ["1"], "command": {"clazz": DUMP, "cookie": 5}}
    message = {"clazz": names.COMMAND, "correlation_id": "op", **fields, "payload": payload}
    world.floodlights["fl-1"].alive = False
    asked = world.ask_raw(msgspec.json.encode(message), "op", TOPICS["northbound"])
    world.run()
    [record] = [each for each in world.floodlights["fl-1"].waiting() if b"Dump" in each.value]
    message = record.json
    number = asked.origin.number
    assert message.pop("correlation_id").endswith(f".{world.home(SWITCHES[0])}.{number}.0")
    assert message == {
        "clazz": names.COMMAND,
        **fields,
        "payload": {"switch_id": SWITCHES[0], "clazz": DUMP, "cookie": 5},
    }


def test_switches_that_fail_are_failed_entries(world: World) -> None:
    """No FL, no acknowledgement, no answer, the FL's own error, an FL that dies, a bad id."""
    first, second = world.floodlights.values()
    second.usual = SILENT
    ask(
        world,
        [SWITCHES[0], "00:00:00:00:00:00:00:ff", SWITCHES[1], "zz", SWITCHES[2], 7, SWITCHES[4]],
    )
    for shard in range(3):
        world.step(shard)
    for shard in range(3):
        world.step(shard)
    for doing in (Doing(answer="error"), ONLY_ACK, Doing()):
        first.act(doing)
    world.run()
    assert not answers(world)
    world.pass_time(8_000)
    results = entries(answers(world))
    by_first = ["ALREADY_EXISTS", "OPERATION_TIMED_OUT", "ok"]
    assert sorted(outcome(results[at]) for at in (0, 4, 6)) == by_first
    assert outcome(results[1]) == outcome(results[2]) == "NOT_FOUND"
    assert outcome(results[3]) == outcome(results[5]) == "DATA_INVALID"
    assert [results[at]["switch_id"] for at in (3, 5)] == ["zz", "7"]


@pytest.mark.parametrize("form", ["chain", "old", "empty"])
def test_chains_are_the_list_of_their_payloads(world: World, form: str) -> None:
    """In the chain's order, in whatever order the links came."""
    for floodlight in world.floodlights.values():
        floodlight.usual = Doing(answer=form, order=3)
    ask(world, SWITCHES[:3])
    world.run()
    results = entries(answers(world))
    assert [outcome(entry) for entry in results] == ["ok"] * 3
    lengths = [len(entry["payload"]) for entry in results]
    assert lengths == [0 if form == "empty" else 3] * 3
    if form == "old":
        assert [[link["link"] for link in entry["payload"]] for entry in results] == [[0, 1, 2]] * 3
    world.pass_time(20_000)
    assert not any(world.left().values())


@pytest.mark.parametrize("form", ["half", "old half"])
def test_half_a_chain_is_a_failed_entry(world: World, form: str) -> None:
    """And nothing of it is left."""
    world.floodlights["fl-1"].usual = Doing(answer=form)
    ask(world, SWITCHES[:2])
    world.run()
    world.pass_time(12_000)
    results = entries(answers(world))
    assert [outcome(entry) for entry in results] == ["OPERATION_TIMED_OUT", "ok"]
    world.pass_time(12_000)
    assert not any(world.left().values())


def test_all_failed_is_an_error(world: World) -> None:
    """Of their commonest type; it tells of the first of them."""
    ask(world, ["fd", "fe", "ff"])
    world.run()
    cid, kind, message = error_of(world)
    assert (cid, kind, message) == ("op", "NOT_FOUND", "3 of 3 failed")
    told = answers(world)[0].json["payload"]["error-description"]
    assert "00:00:00:00:00:00:00:fd: NOT_FOUND, no floodlight holds switch" in told


def test_duplicates_change_nothing(world: World) -> None:
    """Acks and answers that come twice, before and after the end."""
    for floodlight in world.floodlights.values():
        floodlight.usual = Doing(twice=True)
    ask(world, SWITCHES)
    world.run()
    assert len(entries(answers(world))) == len(SWITCHES)
    world.pass_time(20_000)
    assert len(answers(world)) == 1


def test_a_late_answer_is_dropped(world: World) -> None:
    """After the deadline of its part, and after the whole answer."""
    world.floodlights["fl-2"].usual = Doing(answer_after=6_000)
    ask(world, SWITCHES[:4])
    world.run()
    world.pass_time(5_000)
    results = entries(answers(world))
    assert [outcome(entry) for entry in results] == ["ok", "OPERATION_TIMED_OUT"] * 2
    world.pass_time(20_000)
    assert len(answers(world)) == 1
    assert not any(world.left().values())


# -- what cannot be sent ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ({"switch_ids": [], "command": {"clazz": DUMP}}, "is empty"),
        ({"command": {"clazz": DUMP}}, "no list of switches"),
        ({"switch_ids": "1", "command": {"clazz": DUMP}}, "is no list"),
        (
            {"switch_ids": ["1"] * 1_001, "command": {"clazz": DUMP}},
            "1,001 switches; at most 1,000",
        ),
        ({"switch_ids": ["1"]}, "payload.command is no payload"),
        ({"switch_ids": ["1"], "command": {}}, "no kind of command"),
        ({"switch_ids": ["1"], "command": {"clazz": MANY}}, "no kind of command"),
        ({"switch_ids": ["1"], "command": {"clazz": DUMP, "switch_id": "1"}}, "of its own"),
        ({"commands": []}, "is empty"),
    ],
)
def test_lists_that_cannot_be_sent(world: World, payload: dict[str, Any], told: str) -> None:
    """A clear answer, and the command is kept."""
    world.ask(None, clazz=MANY, **payload)
    world.run()
    assert error_of(world)[1] == "REQUEST_INVALID"
    assert told in answers(world)[0].json["payload"]["error-description"]
    [dead] = world.dead()
    assert told in dead.header["flrouter-reason"]
    assert not any(world.left().values())


def test_a_bad_id_among_good_ones(world: World) -> None:
    """It fails alone, under what stood there; the command is kept too."""
    ask(world, ["1", "nonsense", "2", None, "x" * 1_000, ["1"]])
    world.run()
    results = entries(answers(world))
    assert [outcome(entry) for entry in results] == ["ok", "DATA_INVALID", "ok"] + 3 * [
        "DATA_INVALID"
    ]
    shown = [entry["switch_id"] for entry in results]
    assert shown == [SWITCHES[0], "nonsense", SWITCHES[1], "null", "x" * 60, "['1']"]
    [dead] = world.dead()
    assert "4 of 6 items are not valid" in dead.header["flrouter-reason"]


def test_items_that_are_no_commands(world: World) -> None:
    """Neither does one of those end the others."""
    commands = [{"clazz": DUMP, "switch_id": "1"}, {"clazz": DUMP}, 7, {"switch_id": "2"}]
    world.ask(None, clazz=MANY, commands=commands)
    world.run()
    results = entries(answers(world))
    assert [outcome(entry) for entry in results] == ["ok"] + ["DATA_INVALID"] * 3


def test_a_switch_that_is_listed_twice(world: World) -> None:
    """Each time it is listed it gets the command, and has an entry."""
    ask(world, ["1", "2", "1"])
    world.run()
    results = entries(answers(world))
    assert [entry["switch_id"] for entry in results] == [SWITCHES[0], SWITCHES[1], SWITCHES[0]]
    assert [len(each.handlings) for each in world.floodlights.values()] == [2, 1]


# -- by FL --------------------------------------------------------------------------------------

MODE = f"{O}.command.switches.ConnectModeRequest"


def test_a_copy_for_every_floodlight_and_one_answer() -> None:
    """One that is added meanwhile has no part in it; one in outage has failed at once."""
    world = holding("fl-1", "fl-2", "fl-3")
    world.floodlights["fl-3"].die()
    world.pass_time(6_000)
    world.floodlights["fl-2"].usual = ONLY_ACK
    world.ask(None, clazz=MODE, mode="AUTO")
    world.run()
    fourth = world.add("fl-4")
    world.run()
    world.pass_time(4_000)
    results = entries(answers(world))
    assert [entry["floodlight"] for entry in results] == ["fl-1", "fl-2", "fl-3"]
    assert [outcome(entry) for entry in results] == ["ok", "OPERATION_TIMED_OUT", "NOT_FOUND"]
    assert not fourth.handlings
    world.pass_time(20_000)
    assert not any(world.left().values())


def test_a_floodlight_that_dies_has_failed() -> None:
    """As soon as that is known."""
    world = holding("fl-1", "fl-2")
    world.floodlights["fl-2"].usual = ONLY_ACK
    world.ask(None, clazz=MODE)
    world.run()
    world.remove("fl-2")
    world.run()
    assert [outcome(entry) for entry in entries(answers(world))] == ["ok", "NOT_FOUND"]


def test_a_floodlight_that_stops_answering_before_it_was_sent_its_copy() -> None:
    """The copies go out when the command is safe; whoever is gone by then has failed."""
    world = holding("fl-1", "fl-2")
    home = world.home("op")
    asked = world.ask(None, clazz=MODE, partition=home)
    world.step(home, only=lambda log: bool(log) and log[0].topic == asked.origin.topic)
    world.remove("fl-2")
    for shard in range(3):
        if shard != home:
            world.step(shard)
    # The home hears of the FL's end before it reads its own record, which was written first.
    log = world.logs["flrouter-shards", home]
    log[log.read :] = reversed(log[log.read :])
    world.run()
    results = entries(answers(world))
    assert [outcome(entry) for entry in results] == ["ok", "NOT_FOUND"]
    assert "is not answering" in results[1]["payload"]["error-message"]


def test_a_copy_that_failed_is_told_of_again() -> None:
    """A command for every FL that is read again finds its copies pending, failed or done."""
    world = holding("fl-1", "fl-2")
    for floodlight in world.floodlights.values():
        floodlight.usual = SILENT if floodlight.name == "fl-1" else ONLY_ACK
    asked = world.ask(None, clazz=MODE)
    world.run()
    world.pass_time(1_500)  # the first copy has failed; the second waits for its answer
    world.logs["kilda.speaker", asked.origin.partition].read -= 1
    world.run()
    world.pass_time(3_000)
    assert error_of(world)[1] in ("NOT_FOUND", "OPERATION_TIMED_OUT")
    assert [len(each.handlings) for each in world.floodlights.values()] == [1, 1]


def test_parts_that_are_too_large_or_cannot_be_read(world: World) -> None:
    """What no shard of ours would say of a part ends it, and nothing else."""
    home = world.home(SWITCHES[0])
    for payload in (b"x" * world.rules.max_message_bytes, b"{"):
        part = (0, SWITCHES[0], payload)
        note = peers.Scatter("kilda.speaker/0/77", home, "op", b'{"payload":', (), [part])
        world.tell(home, note)
        world.run()
    assert world.counts["part_errors", "REQUEST_INVALID"] == 2
    assert world.counts["late_parts", ""] == 2
    assert not any(each.handlings for each in world.floodlights.values())


def test_lists_of_switches_from_every_floodlight(world: World) -> None:
    """Chains: each FL's entry has the list of its links' payloads."""
    for floodlight in world.floodlights.values():
        floodlight.usual = Doing(answer="chain")
    world.ask(None, clazz=f"{O}.command.switches.GetSwitchesRequest")
    world.run()
    results = entries(answers(world))
    assert [(entry["floodlight"], len(entry["payload"])) for entry in results] == [
        ("fl-1", 3),
        ("fl-2", 3),
    ]


# -- size ---------------------------------------------------------------------------------------


def test_a_large_answer_is_a_chain() -> None:
    """Of messages within the limit, which together have the same entries."""
    switches = [f"00:00:00:00:00:00:{number:02x}:00" for number in range(1, 101)]
    small, large = (
        holding("fl-1", switches=switches, max_message_bytes=size) for size in (6_000, 100_000)
    )
    for world in (small, large):
        ask(world, switches)
        world.run()
    assert len(answers(large)) == 1
    links = answers(small)
    assert len(links) > 3
    assert len({record.partition for record in links}) == 1
    assert max(len(record.value) for record in links) <= 6_000
    strip = [{**entry, "payload": entry["payload"]["odd"]} for entry in entries(links)]
    assert strip == [
        {**entry, "payload": entry["payload"]["odd"]} for entry in entries(answers(large))
    ]


def test_one_entry_that_is_too_large() -> None:
    """It cannot be divided: it fails, and its head is kept."""
    world = holding("fl-1", switches=SWITCHES[:2], max_message_bytes=6_000)
    floodlight = world.floodlights["fl-1"]
    floodlight.usual = ONLY_ACK
    asked = ask(world, SWITCHES[:2])
    world.run()
    for at, size in ((0, 5_500), (1, 10)):
        cid = world.shards[0].context.suffixes.add(
            "op", world.home(SWITCHES[at]), f"{asked.origin.number}.{at}"
        )
        payload = {"clazz": "x.Y", "x": "x" * size}
        floodlight.write(build.message(names.INFO, payload, cid, 0), SWITCHES[at])
    world.run()
    results = entries(answers(world))
    assert [outcome(entry) for entry in results] == ["INTERNAL_ERROR", "ok"]
    [dead] = world.dead()
    assert b"xxxx" in dead.value
    assert int(dead.header["flrouter-size"]) > 5_500 > len(dead.value)


# -- deadlines ----------------------------------------------------------------------------------


def test_the_age_limit_ends_parts_where_they_are() -> None:
    """An FL that goes on and on with a chain does not keep the others' answers back."""
    world = holding("fl-1", "fl-2", gather_timeout=5_000, switches=SWITCHES[:2])
    world.floodlights["fl-1"].usual = Doing(answer="chain", links=9, answer_after=2_000)
    ask(world, SWITCHES[:2])
    world.run()
    world.pass_time(8_000)
    results = entries(answers(world))
    assert [outcome(entry) for entry in results] == ["OPERATION_TIMED_OUT", "ok"]
    assert "before the command's deadline" in results[0]["payload"]["error-message"]
    assert not any(shard.context.pending for shard in world.shards)
    world.pass_time(20_000)
    assert len(answers(world)) == 1
    assert not any(world.left().values())


def test_answers_that_lie_there_are_no_timeouts() -> None:
    """A router that was away past the deadline reads first."""
    world = holding("fl-1", "fl-2", gather_timeout=5_000)
    ask(world, SWITCHES)
    for _ in range(2):
        for shard in range(3):
            world.step(shard)
    for floodlight in world.floodlights.values():
        floodlight.work()
    world.advance(60_000, tick=False)
    for shard in range(3):
        world.restart(shard)
    world.run()
    assert [outcome(entry) for entry in entries(answers(world))] == ["ok"] * len(SWITCHES)


def test_a_part_that_nobody_knows_of_ends_too(world: World) -> None:
    """Were its result lost, its home would say so when it is asked."""
    world.floodlights["fl-1"].usual = ONLY_ACK
    asked = ask(world, SWITCHES[:1] + SWITCHES[1:2])
    world.run()
    home = world.shards[world.home(SWITCHES[0])]
    home.requests.done(f"{asked.origin.number}.0")  # a bug, say
    world.pass_time(25_000)
    results = entries(answers(world))
    assert [outcome(entry) for entry in results] == ["INTERNAL_ERROR", "ok"]


# -- again --------------------------------------------------------------------------------------


def test_a_command_that_is_read_again_is_known(world: World) -> None:
    """While it is gathered, and for a while after its answer."""
    asked = ask(world, SWITCHES)
    log = world.logs["kilda.speaker", asked.origin.partition]
    world.run()
    for _ in range(3):
        log.read -= 1
        world.run()
        world.pass_time(1_000)
    assert len(answers(world)) == 1
    assert [len(each.handlings) for each in world.floodlights.values()] == [6, 6]


def test_results_are_kept_until_it_is_kept_that_they_were_answered() -> None:
    """A worker that is killed in between needs them once more: they go with a later batch."""
    world = holding("fl-1", partitions=1, switches=SWITCHES[:2])
    ask(world, SWITCHES[:2])
    rows: list[int] = []
    while not answers(world):
        world.step(0)
        world.floodlights["fl-1"].work()
        rows.append(len(world.kept[0]["gathers"]))
    world.step(0)
    assert rows[-1] == 3  # the command, and a result for each part
    assert len(world.kept[0]["gathers"]) == 1


def test_a_failed_part_that_comes_again_fails_again(world: World) -> None:
    """A killed worker may have told of it without keeping that: then the error must not be lost."""
    for floodlight in world.floodlights.values():
        floodlight.usual = SILENT if floodlight.name == "fl-1" else ONLY_ACK
    ask(world, SWITCHES[:2])
    world.run()
    world.pass_time(1_500)  # the first part has failed; the second waits for its answer
    scattered = [record for record in told(world, world.home(SWITCHES[0])) if scatters(record)]
    [first] = [record for record in scattered if SWITCHES[0].encode() in record.value]
    before = results(world)
    world.write(first.topic, None, first.value, first.partition, first.headers)
    world.run()
    assert results(world) == before + 1
    assert world.counts["duplicate_parts", ""] == 1
    assert [len(each.handlings) for each in world.floodlights.values()] == [1, 1]


def told(world: World, shard: int) -> list[Record]:
    """What was said to a shard."""
    return list(world.logs["flrouter-shards", shard])


def scatters(record: Record) -> bool:
    """Whether it tells of parts."""
    return b"\xa7Scatter" in record.value


def results(world: World) -> int:
    """How often the command's home was told of results."""
    return sum(b"\xabPartResults" in record.value for record in told(world, world.home("op")))


def test_the_first_result_counts(world: World) -> None:
    """An FL that is asked twice may answer in two ways."""
    world.floodlights["fl-2"].usual = ONLY_ACK
    asked = ask(world, SWITCHES[:2])
    world.run()
    other = peers.PartResults(asked.origin.number, [(0, 0, Part(False, 0, b'{"x":1}'))])
    world.tell(world.home("op"), other)
    world.run()
    world.pass_time(4_000)
    assert [outcome(entry) for entry in entries(answers(world))] == ["ok", "OPERATION_TIMED_OUT"]


@pytest.mark.parametrize("crash", list(Crash))
@pytest.mark.parametrize("written", [0, 1, 2, 5, 255])
def test_workers_killed_all_the_time(crash: Crash, written: int) -> None:
    """Whichever shard it is, and however far it has come: one whole answer, or the same again."""
    for killed in range(3):
        for batch in range(1, 7):
            world = holding("fl-1", "fl-2", switches=SWITCHES[:6])
            ask(world, SWITCHES[:6])
            for at in range(1, 9):
                for shard in range(3):
                    kill = crash if (shard, at) == (killed, batch) else None
                    world.step(shard, crash=kill, written=written)
                for floodlight in world.floodlights.values():
                    floodlight.work()
            world.run()
            world.pass_time(4_000)
            records = answers(world)
            assert records, (killed, batch)
            for record in records:
                results = entries([record])
                assert [entry["switch_id"] for entry in results] == SWITCHES[:6]
                assert {outcome(entry) for entry in results} == {"ok"}, (killed, batch)
            if crash is Crash.BEFORE_ACKNOWLEDGE:
                assert len(records) == 1
            world.pass_time(30_000)
            assert not any(world.left().values())
            assert not world.unkept()


@pytest.mark.parametrize("rows", range(5))
def test_what_failed_at_once_is_known_after_a_kill(world: World, rows: int) -> None:
    """However many rows of the changelog are written: its entry says what is wrong with it."""
    home = world.home("op")
    ask(world, ["zz", SWITCHES[0], "xx"], partition=home)
    world.step(home, crash=Crash.IN_CHANGELOGS, written=-1, rows=rows)
    world.run()
    results = entries(answers(world)[-1:])
    assert [outcome(entry) for entry in results] == ["DATA_INVALID", "ok", "DATA_INVALID"]
    assert [entry["switch_id"] for entry in results] == ["zz", SWITCHES[0], "xx"]


def test_all_parts_are_kept_and_not_that_the_command_is_answered(world: World) -> None:
    """A kill came between two rows of one changelog: it is answered again, and then forgotten."""
    home = world.home("op")
    shards_log = world.logs["flrouter-shards", home]
    ask(world, [SWITCHES[0], "zz"], partition=home)

    def is_answer(log: Log) -> bool:
        return any(b"PartResults" in (record.value or b"") for record in log[log.read :])

    while not is_answer(shards_log):
        for shard in range(3):
            if not is_answer(shards_log):
                world.step(shard)
        for floodlight in world.floodlights.values():
            floodlight.work()
    world.step(home, crash=Crash.IN_CHANGELOGS, written=-1, rows=1)
    assert len(answers(world)) == 1
    world.run()
    world.pass_time(4_000)
    first, again = answers(world)
    assert entries([first]) == entries([again])
    world.pass_time(60_000)
    assert not any(world.left().values())


def test_what_nobody_waits_for_is_dropped(world: World) -> None:
    """Results of unknown commands, parts that are not there, links past the end."""
    part = [False, 0, b"{}", ""]
    note = msgspec.msgpack.decode(
        msgspec.msgpack.encode(["PartResults", "nobody", [[0, 0, ["Part", *part]]]])
    )
    world.tell(0, msgspec.convert(note, peers.PartResults))
    asked = ask(world, SWITCHES[:1])
    for _ in range(1):
        for shard in range(3):
            world.step(shard)
    home = world.home("op")
    results = [[5, 0, ["Part", *part]], [0, 7, ["Part", True, 3, b"{}", ""]]]
    note = ["PartResults", asked.origin.number, results]
    world.tell(home, msgspec.convert(note, peers.PartResults))
    world.run()
    assert world.counts["late_parts", ""] >= 1
    assert [outcome(entry) for entry in entries(answers(world))] == ["ok"]


def test_a_gather_counts_as_load(world: World) -> None:
    """Partial results fill a shard as pending commands do."""
    for floodlight in world.floodlights.values():
        floodlight.usual = ONLY_ACK
    ask(world, SWITCHES)
    world.run()
    shard = world.shards[world.home("op")]
    assert [type(row) for row in shard.context.gathers.values()] == [Gather]
    pending = len(shard.context.pending)
    assert shard.load() == (pending + 1) / world.rules.max_pending
    world.pass_time(4_000)
    assert [row.answered for row in shard.context.gathers.values()] == [True]
    assert shard.load() == 0
    world.restart(world.home("op"))
    assert world.shards[world.home("op")].load() == 0
