"""The requests that were seen recently, so that none is carried out twice."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple

from flrouter.messages.trace import Trace


class Message(NamedTuple):
    """One record of an answer."""

    key: bytes
    value: bytes


class RequestKey(NamedTuple):
    """The identity of a request: commands with the same key are duplicates.

    The correlation id alone is not enough. A flow operation uses one id for several switches, and
    for several kinds of command to one switch.
    """

    correlation_id: str
    switch: str | None
    kind: str


@dataclass(slots=True, eq=False)
class Request:
    """A request that was received, with its answer once there is one."""

    key: RequestKey
    answer: list[Message] | None = None
    #: the partitions of duplicates that came before the answer.
    again: list[int] = field(default_factory=list)
    answered_s: float = 0.0
    size: int = 0
    #: its span: the parent trace, the span's id, and the start (ns since the epoch).
    span: tuple[Trace, str, int] | None = None
    #: the type of the error that answers it; empty if none does.
    error: str = ""


class Requests:
    """Requests by key (protocol.md, 4.5): all in flight, and answered ones within the limits."""

    def __init__(self, count: int, age_s: float, size: int) -> None:
        """Args:
        count: answered requests to keep at most.
        age_s: how long to keep one, in seconds.
        size: bytes that all kept answers may take together.
        """
        self._count = count
        self._age_s = age_s
        self._size = size
        self._running: dict[RequestKey, Request] = {}
        self._answered: OrderedDict[RequestKey, Request] = OrderedDict()
        self._held = 0

    def __len__(self) -> int:
        return len(self._running) + len(self._answered)

    def find(self, key: RequestKey, now_s: float) -> Request | None:
        """The request with this key, if it is still remembered."""
        request = self._running.get(key)
        if request is None:
            self._forget(now_s)
            request = self._answered.get(key)
        return request

    def begin(self, key: RequestKey) -> Request:
        """Remember a new request, not yet answered."""
        request = self._running[key] = Request(key)
        return request

    def finish(self, request: Request, answer: list[Message], now_s: float) -> None:
        """Remember its answer; `now_s` starts its age."""
        del self._running[request.key]
        request.answer = answer
        request.answered_s = now_s
        request.size = sum(len(message.value) for message in answer)
        self._answered[request.key] = request
        self._held += request.size
        self._forget(now_s)

    def _forget(self, now_s: float) -> None:
        answered = self._answered
        while answered:
            oldest = next(iter(answered.values()))
            if (
                len(answered) <= self._count
                and self._held <= self._size
                and now_s - oldest.answered_s <= self._age_s
            ):
                return
            answered.popitem(last=False)
            self._held -= oldest.size
