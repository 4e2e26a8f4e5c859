"""The entries of an answer to a command for several switches or FLs, as any reader gets them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from flrouter.messages.envelope import decode
from flrouter.network.chains import Assembler

RESPONSE = "flrouter.MultiSwitchResponse"


def entries(answer: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The entries of one message, or of all links of a chain in any order; fails on all else."""
    messages = list(answer)
    if messages[0]["clazz"].endswith(".ChunkedInfoMessage"):
        assembler = Assembler(patience=1_000)
        links = [json.dumps(message).encode() for message in messages]
        chains = [assembler.take(link, decode(link), 0) for link in links]
        (chain,) = filter(None, chains)
        payloads = [json.loads(bytes(payload)) for payload in chain.entries]
    else:
        assert len(messages) == 1, messages
        assert messages[0]["clazz"].endswith(".InfoMessage"), messages
        payloads = [messages[0]["payload"]]
    for payload in payloads:
        assert payload["clazz"] == RESPONSE
        ok = sum(entry["status"] == "ok" for entry in payload["results"])
        assert (payload["succeeded"], payload["failed"]) == (ok, len(payload["results"]) - ok)
    return [entry for payload in payloads for entry in payload["results"]]


def outcome(entry: dict[str, Any]) -> str:
    """ok, or the type of the entry's error."""
    if entry["status"] == "ok":
        return "ok"
    assert entry["payload"]["clazz"].endswith(".ErrorData")
    kind: str = entry["payload"]["error-type"]
    return kind
