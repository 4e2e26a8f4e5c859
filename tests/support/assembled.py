"""The entries of an answer to a command for several switches or FLs.

Stands in for the assembler of `flrouter/network`, which gives the payloads of any chain.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

RESPONSE = "flrouter.MultiSwitchResponse"


def entries(answer: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The entries of one message, or of all links of a chain in any order; fails on all else."""
    messages = list(answer)
    if messages[0]["clazz"].endswith(".ChunkedInfoMessage"):
        assert len({message["correlation_id"] for message in messages}) == 1
        numbered = {int(each["message_id"].partition(":")[0]): each for each in messages}
        assert sorted(numbered) == list(range(messages[0]["total_messages"]))
        messages = [numbered[at] for at in sorted(numbered)]
    else:
        assert len(messages) == 1, messages
        assert messages[0]["clazz"].endswith(".InfoMessage"), messages
    payloads = [message["payload"] for message in messages]
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
