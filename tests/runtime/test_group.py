"""The group's port: one question after the other, each under the generation of its time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from flrouter.ports import Partition
from flrouter.runtime.group import KafkaGroup
from tests.runtime.broker import settings

AT = Partition("t", 0)


class _Member:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: asyncio.Queue[bool | None] = asyncio.Queue()

    async def prove(self, generation: int) -> bool | None:
        self.asked.append(f"prove {generation}")
        return await self.answers.get()

    async def commit_under(self, generation: int, offsets: Mapping[Partition, int]) -> bool | None:
        self.asked.append(f"commit {offsets[AT]} under {generation}")
        return await self.answers.get()

    async def deal_again(self) -> None:
        self.asked.append("deal again")

    async def leave(self, generation: int) -> None:
        self.asked.append(f"leave {generation}")


def test_questions_wait_for_each_other_and_the_group_for_all_of_them() -> None:
    """No commit overtakes another, and none comes after the release."""
    member = _Member()
    answers: list[bool | None] = []

    async def main() -> None:
        group = KafkaGroup(settings("tansu://nowhere:1"), lambda: member)
        group.generation = 3
        offsets = {AT: 7}
        group.commit(offsets, answers.append)
        offsets[AT] = 8
        group.commit(offsets, answers.append)
        group.prove(answers.append)
        released = asyncio.ensure_future(group.let_go(group.released))
        again = asyncio.ensure_future(group.let_go(lambda: answers.append(None)))
        for answer in (True, None, False):
            await asyncio.sleep(0)
            assert not released.done()
            member.answers.put_nowait(answer)
        await asyncio.gather(released, again)
        group.generation = 4
        group.deal_again()
        group.rejoin()
        while len(member.asked) < 5:
            await asyncio.sleep(0)

    asyncio.run(main())
    assert member.asked == [
        "commit 7 under 3",
        "commit 8 under 3",
        "prove 3",
        "deal again",
        "leave 4",
    ]
    assert answers == [True, None, False]
