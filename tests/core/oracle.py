"""What the table of answers allows (protocol.md, 4.2), checked on all that happened in a world."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec

from flrouter.core.values.request import Origin
from flrouter.messages import names

from .floodlight import Handling, Written
from .world import AFTER_SENDING, TOPICS, Asked, Record, World

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Got(NamedTuple):
    """One record that a requester got for a command."""

    record: Record
    #: None when the router itself wrote it: an error.
    written: Written | None

    @property
    def error(self) -> dict[str, Any] | None:
        """The payload of the router's own error."""
        if self.written is not None:
            return None
        payload: dict[str, Any] = self.record.json["payload"]
        return payload


def answers(world: World) -> dict[str, list[Got]]:
    """What came for each request number, in order."""
    by_number: dict[str, list[Got]] = defaultdict(list)
    for record in world.out:
        header = record.header
        if "written" in header:
            floodlight, handling, at = header["written"].split("/")
            _, written = world.floodlights[floodlight].handlings[int(handling)].written[int(at)]
            if record.topic != "flrouter-dead-letters":
                by_number[written.number].append(Got(record, written))
        elif header.get("flrouter-request", "").count("/") == 2:
            number = Origin.parse(header["flrouter-request"]).number
            by_number[number].append(Got(record, None))
    return by_number


def finals(got: list[Got]) -> int:
    """How many final answers these records are."""
    count = 0
    links: dict[tuple[str, int], set[int]] = defaultdict(set)
    for each in got:
        written = each.written
        if written is None or written.part == "answer":
            count += 1
        else:
            chain = links[written.floodlight, written.handling]
            chain.add(written.index)
            if written.total == 0 or len(chain) == written.total:
                count += 1
                chain.clear()
    return count


def check(world: World) -> None:
    """Every command that was sent has its one answer, as the table says."""
    by_number = answers(world)
    for asked in world.asked:
        number = asked.origin.number
        got = by_number[number]
        repeated = number in world.repeated
        if number in world.read_again and not repeated:
            _check_read_again(world, got)
            repeated = True
        _check_one(world, asked, got, repeated=repeated)
    assert not any(world.left().values())
    assert not world.unkept()
    _check_outages(world)


def _check_one(world: World, asked: Asked, got: list[Got], *, repeated: bool) -> None:
    count = finals(got)
    assert count >= 1, f"{asked} has no final answer, only {got}"
    assert count == 1 or repeated, f"{asked} has {count} final answers: {got}"
    for each in got:
        _check_record(world, asked, each)
    if repeated:
        return
    errors = [at for at, each in enumerate(got) if each.error is not None]
    assert not errors or errors == [len(got) - 1], f"after an error came more: {got}"
    links = [each.written for each in got if each.written is not None]
    assert len({(each.part, each.index) for each in links}) == len(links), f"repeated: {got}"
    handling = _handling(world, asked)
    if links and handling is not None:
        if handling.doing.answer.startswith("old"):
            assert [each.index for each in links] == sorted(each.index for each in links)
        if world.floodlights[handling.floodlight].scatter is None:
            order = [each for _, each in handling.written]
            places = [order.index(each) for each in links]
            assert places == sorted(places), f"not in the order in which they came: {got}"
    if errors:
        _check_time(world, asked, got[-1], handling)


def _check_read_again(world: World, got: list[Got]) -> None:
    """A request that ended with an error is not begun again while it is blacklisted."""
    for first, second in pairwise(got):
        error = first.error
        if error is not None and error["error-description"].startswith(AFTER_SENDING):
            passed = second.record.at - first.record.at
            assert passed > world.rules.blacklist_ttl, f"a blacklisted request was repeated: {got}"


def _check_record(world: World, asked: Asked, got: Got) -> None:
    """The right topic, the right id, and every other value as the FL wrote it."""
    known = asked.correlation_id or asked.origin.number
    said = _members.decode(got.record.value)
    cid = msgspec.json.decode(said["correlation_id"])
    error = got.error
    if error is not None:
        assert cid == known
        assert got.record.json["clazz"] == names.ERROR
        expected = TOPICS["flow"] if error["error-type"] == "PARAMETERS_INVALID" else asked.topic
        assert got.record.topic == expected
        return
    assert got.record.topic == asked.topic
    written = got.written
    assert written is not None
    assert written.part != "spoof", "only the FL that was asked may answer"
    assert written.part != "ack", "acknowledgements are not for requesters"
    wrote = _members.decode(written.data)
    wrote_cid = msgspec.json.decode(wrote["correlation_id"])
    if written.index > 0 and "next_request_id" in wrote:
        assert cid == wrote_cid, "from the second link of an old chain on, ids are the FL's own"
    else:
        assert cid == known
    if "message_id" in wrote and msgspec.json.decode(wrote["message_id"]):
        assert msgspec.json.decode(said["message_id"]) == (
            msgspec.json.decode(wrote["message_id"]).replace(wrote_cid, known)
        )
    for name in ("correlation_id", "message_id"):
        said.pop(name, None)
        wrote.pop(name, None)
    assert {name: bytes(raw) for name, raw in said.items()} == {
        name: bytes(raw) for name, raw in wrote.items()
    }


def _handling(world: World, asked: Asked) -> Handling | None:
    """The work of the FL that was asked; only meant for what was delivered once."""
    number = asked.origin.number
    for floodlight in world.floodlights.values():
        for handling in floodlight.handlings:
            if handling.number == number and handling.doing.answer != "spoof":
                return handling
    return None


def _check_time(world: World, asked: Asked, got: Got, handling: Handling | None) -> None:
    """No deadline fired early, nor over something that lay in the write topic before it."""
    error = got.error
    assert error is not None
    text, kind, rules = error["error-message"], error["error-type"], world.rules
    if "did not acknowledge" in text:
        assert kind == "NOT_FOUND"
        assert handling is None or got.record.at >= handling.sent_at + rules.ack_timeout
        early = [
            at
            for at, _ in (handling.written if handling is not None else [])
            if handling is not None and at < handling.sent_at + rules.ack_timeout
        ]
        assert not early, f"{asked}: an ack lay there in time"
    elif "did not answer in time" in text:
        assert kind == "OPERATION_TIMED_OUT"
        if handling is None:
            named = text.split()[1]
            assert not world.floodlights[named].acks, f"{asked}: nobody acknowledged"
            return
        begin = handling.sent_at
        last_at = max([begin, *(at for at, _ in handling.written)])
        known = [
            at
            for at, note in world.notes
            if note.startswith(f"outage of floodlight {handling.floodlight}:")
            if begin < at < last_at + rules.response_timeout <= got.record.at
        ]
        assert not known, f"{asked}: the FL was in outage before the time was over"
        times = [at for at, _ in handling.written]
        acks = world.floodlights[handling.floodlight].acks
        assert times or not acks, f"{asked}: nobody acknowledged"
        if acks:
            assert got.record.at >= times[0] + rules.response_timeout
            begin = times[0]
        gaps = [later - at for at, later in zip([begin, *times], times, strict=False)]
        parts = [written for _, written in handling.written]
        last = max((each.total for each in parts if each.part == "link"), default=-1)
        came = {each.index for each in parts if each.part == "link"}
        whole = any(each.part == "answer" for each in parts) or (last == 0 or len(came) == last)
        assert not (whole and all(gap < rules.response_timeout for gap in gaps)), (
            f"{asked}: the whole answer lay there in time"
        )
    else:
        assert kind in {"NOT_FOUND", "REQUEST_INVALID", "DATA_INVALID", "PARAMETERS_INVALID"}, error


def _check_outages(world: World) -> None:
    """No FL was said to be silent that had answered shortly before."""
    for now, note in world.notes:
        if "it does not answer" not in note:
            continue
        floodlight = note.split()[3].removesuffix(":")
        looked = world.looked.get((now, note))
        assert looked is not None, f"{note} at {now}: nobody looked at what lies unread"
        said = [at for at in world.floodlights[floodlight].answered_alive if at < looked]
        assert not said or now - said[-1] > world.rules.alive_timeout, f"{note} at {now}"
