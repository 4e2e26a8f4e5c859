"""The port :class:`flrouter.ports.Group`: this worker's place in the consumer group."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Protocol

from mode import Service

from flrouter.kafka.offsets import Committed
from flrouter.ports import Answer, Offsets, OffsetsAnswer, Partition
from flrouter.settings.model import Settings


class Member(Protocol):
    """Who is the member: Faust's consumer. Its answers are as :data:`flrouter.ports.Answer` has
    them; False when asked under another generation.
    """

    async def prove(self, generation: int) -> bool | None:
        """Whether the coordinator knows it."""

    async def commit_under(self, generation: int, offsets: Offsets) -> bool | None:
        """Commit, and so prove that the coordinator knows it."""

    async def deal_again(self) -> None:
        """Have the group deal anew."""

    async def leave(self, generation: int) -> None:
        """Leave the group; it joins anew by itself."""


class KafkaGroup(Service):
    """Asks one thing after the other, so that commits stay in order, and under one generation."""

    def __init__(self, settings: Settings, member: Callable[[], Member]) -> None:
        """`member` gives the one that is a member now."""
        super().__init__()
        self._member = member
        self._offsets = Committed(settings)
        self._turn = asyncio.Lock()
        #: under which the shards are this worker's.
        self.generation = -1
        #: done when all is let go of.
        self._letting_go: asyncio.Future[None] | None = None

    async def on_shutdown(self) -> None:
        """Disconnect."""
        await asyncio.to_thread(self._offsets.close)

    async def let_go(self, revoked: Callable[[], None]) -> None:
        """Call `revoked`, and return when what was revoked is released."""
        if self._letting_go is None:
            self._letting_go = asyncio.get_running_loop().create_future()
            revoked()
        await asyncio.shield(self._letting_go)

    def prove(self, done: Answer) -> None:
        """Ask whether the coordinator knows this worker."""
        generation = self.generation
        self._ask(lambda: self._member().prove(generation), done)

    def commit(self, offsets: Offsets, done: Answer) -> None:
        """Commit the next offsets to read."""
        generation, taken = self.generation, dict(offsets)
        self._ask(lambda: self._member().commit_under(generation, taken), done)

    def committed(self, partitions: Collection[Partition], done: OffsetsAnswer) -> None:
        """What the group has committed."""

        async def ask() -> None:
            done(await asyncio.to_thread(self._offsets.ask, partitions))

        self.add_future(ask())

    def released(self) -> None:
        """All is let go of, and all that was asked for before is over."""

        async def tell() -> None:
            waiting, self._letting_go = self._letting_go, None
            if waiting is not None:
                waiting.set_result(None)

        self._ask(tell)

    def deal_again(self) -> None:
        """We hold less than we told: the group is to deal anew."""
        self._ask(lambda: self._member().deal_again())

    def rejoin(self) -> None:
        """Leave the group, and join it anew."""
        generation = self.generation
        self._ask(lambda: self._member().leave(generation))

    def _ask(
        self, question: Callable[[], Awaitable[bool | None]], done: Answer = lambda _: None
    ) -> None:
        async def ask() -> None:
            async with self._turn:
                answer = await question()
            done(answer)

        self.add_future(ask())
