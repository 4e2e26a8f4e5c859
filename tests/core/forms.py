"""What FLs write: the answers to a command and to a SyncRequest, in all their forms."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from flrouter.messages import names
from flrouter.messages.forms import build
from tests.messages.test_abstract_messages import message


@dataclass(frozen=True)
class Doing:
    """What an FL does with one command."""

    ack: bool = True
    #: message, echo, error, chain, half, old, old half, empty, nothing.
    answer: str = "message"
    links: int = 3
    #: which permutation of a new-form chain's links is written.
    order: int = 0
    #: every record is written twice.
    twice: bool = False
    #: ms between receipt, ack, and each record of the answer.
    ack_after: int = 0
    answer_after: int = 0


USUAL = Doing()
SILENT = Doing(ack=False, answer="nothing")
ONLY_ACK = Doing(answer="nothing")


def answers(
    name: str, now: int, cid: str, at: int, doing: Doing, command: bytes
) -> list[tuple[int, int, bytes]]:
    """The records of an answer: link index, number of links (-1: no chain), bytes."""
    spelled = msgspec.json.encode(cid).decode()
    odd = (
        f'"payload" : {{"clazz":"a.b.Answer", "by":"{name}", "at":{at},'
        f' "odd":[1.0,1e5,-0,"\\u0041"],"unknown":{{"correlation_id":{spelled}}}}}'
    )
    links = range(doing.links)
    match doing.answer:
        case "message":
            clazz, more = names.INFO, '"timestamp":1.50e3'
            text = f'{{ "clazz":"{clazz}",{more},{odd} ,"correlation_id": {spelled}}}'
            return [(-1, -1, text.encode())]
        case "echo":
            return [(-1, -1, command)]
        case "error":
            error: dict[str, Any] = {
                "clazz": names.ERROR_DATA,
                "error-type": "ALREADY_EXISTS",
                "error-message": "m",
                "error-description": "d",
            }
            return [(-1, -1, build.message(names.ERROR, error, cid, now))]
        case "empty":
            return [(-1, 0, build.chunk(None, cid, 0, 0, now))]
        case "chain" | "half":
            ids = [msgspec.json.encode(f"{index} : {cid}").decode() for index in links]
            texts = [
                f'{{"clazz":"{names.CHUNK}",{odd},"message_id":{ids[index]},'
                f'"total_messages":{len(links)},"correlation_id":{spelled}, "link":{index}}}'
                for index in links
            ]
            numbered = [(index, len(links), text.encode()) for index, text in enumerate(texts)]
            random.Random(doing.order).shuffle(numbered) if doing.order else None
            return numbered if doing.answer == "chain" else numbered[:-1]
        case "old" | "old half":
            ids = [cid, *(f"{name}-{at}-link-{index}" for index in links[1:])]
            following = [*ids[1:], None]
            if doing.answer == "old half":
                ids = ids[:-1]
            return [
                (
                    index,
                    len(links),
                    build.message(
                        names.CHUNK,
                        {"clazz": "a.b.Link", "link": index},
                        ids[index],
                        now,
                        next_request_id=following[index],
                    ),
                )
                for index in range(len(ids))
            ]
        case _:
            return []


def in_second_envelope(
    now: int, cid: str, doing: Doing, command: bytes
) -> list[tuple[int, int, bytes]]:
    """The same in OpenKilda's second envelope, which has no older chains; of no links it makes one
    message.
    """
    form = {"old": "chain", "old half": "half"}.get(doing.answer, doing.answer)
    links = range(doing.links)
    match form:
        case "nothing":
            return []
        case "echo":
            return [(-1, -1, command)]
        case "chain" | "half":
            chain = [
                (
                    index,
                    len(links),
                    message(
                        "response.ChunkedSpeakerDataResponse",
                        cid,
                        data={"link": index, "timestamp": now},
                        message_id=f"{index} : {cid}",
                        total_messages=len(links),
                    ),
                )
                for index in links
            ]
            random.Random(doing.order).shuffle(chain) if doing.order else None
            return chain if form == "chain" else chain[:-1]
        case "message":
            clazz = "response.rulemanager.SpeakerCommandResponse"
            return [(-1, -1, message(clazz, cid, success=True, odd=[1.0, -0.0]))]
        case _:
            data = {"clazz": names.ERROR_DATA, "error-message": "m"} if form == "error" else None
            return [(-1, -1, message("response.SpeakerDataResponse", cid, data=data))]


def sync_chain(held: Iterable[str], now: int, cid: str, form: str = "full") -> list[bytes]:
    """The chain that lists the switches that an FL holds."""
    switches = sorted(held)
    payloads: list[dict[str, Any]] = [
        {"clazz": names.DUMP_SWITCH, "switch_record": {"datapath": each, "ports": []}}
        for each in switches
    ]
    if form == "old":
        ids = [cid, *(f"{cid}/{at}" for at in range(1, len(payloads)))]
        ids = [each.replace("~", "-") if at else each for at, each in enumerate(ids)]
        following = [*ids[1:], None]
        listed: list[dict[str, Any] | None] = [*payloads] or [None]
        return [
            build.message(names.CHUNK, payload, ids[at], now, next_request_id=following[at])
            for at, payload in enumerate(listed)
        ]
    if form == "markers":
        older = [{"clazz": names.DUMP_SWITCH, "switch_id": each} for each in switches]
        framed = [{"clazz": names.DUMP_BEGIN}, *older, {"clazz": names.DUMP_END}]
        return [build.message(names.INFO, payload, cid, now) for payload in framed]
    if not payloads:
        return [build.chunk(None, cid, 0, 0, now)]
    links = [
        build.chunk(payload, cid, at, len(payloads), now) for at, payload in enumerate(payloads)
    ]
    return links[:-1] if form == "half" else links
