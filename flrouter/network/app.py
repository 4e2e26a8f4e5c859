"""The Faust application: from the topic for discovery to a table of switches.

Two steps. `listen` reads what flrouter reports, puts chains together, and writes what is said of
each switch to a topic of its own, keyed by switch. `keep` reads that one and brings the table up to
date. So a switch's news meet in one place, though its events and the chains that list it come
through different partitions.

A chain that is half read when the worker dies is lost: nothing of it was kept. Whoever gets
partitions therefore asks for a sync, which tells everything anew; and once more if the first chains
were not whole, for the router lets a request join a sync that runs, and half of that may be lost.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator
from typing import Any

import msgspec
from faust.types import TP

from flrouter.messages import headers as header
from flrouter.messages import names
from flrouter.messages.chains import BadLink
from flrouter.messages.envelope import Unreadable, decode
from flrouter.messages.forms import build
from flrouter.network import pages
from flrouter.network.chains import Assembler, is_link
from flrouter.network.listener import Listener
from flrouter.network.reading import listed_in, news_of
from flrouter.network.view import News, Switch
from flrouter.settings.model import Settings

#: of the topic of news and of the table: one worker holds the whole view and can show it. Others
#: read along, and one of them takes the table over when that worker dies.
PARTITIONS = 1

_news = msgspec.json.Decoder(News)


class NetworkApp(Listener):
    """The listener that keeps a view of all switches."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, "network")
        #: links of a chain may have been read by whoever had the partitions before.
        self.may_lack_links = True
        self.switches = self.Table("switches", partitions=PARTITIONS)

    @property
    def holds_view(self) -> bool:
        """Whether the table is here, and restored."""
        here = TP(self.switches.changelog_topic_name, 0) in self.assignor.assigned_actives()
        return here and bool(self.tables.actives_ready)

    def view(self) -> dict[str, Switch]:
        """Every switch, in order of the ids."""
        return {name: stored(self.switches[name]) for name in sorted(self.switches)}


def create_app(settings: Settings) -> NetworkApp:
    """The listener as a Faust application."""
    app = NetworkApp(settings)
    reports = app.topic(settings.disco_topic, partitions=settings.partitions)
    news = app.topic(f"{app.conf.id}-news", partitions=PARTITIONS, key_type=str, internal=True)
    sync = settings.message_catalog.command(names.SYNC_REQUEST)
    requests = app.topic(sync.inbound or settings.inbound_topics[0])
    assembler = Assembler(patience=int(settings.sync_timeout * 1000))

    async def listen(stream: Any) -> None:
        async for event in stream.events():
            told = read(event.message, assembler)
            sent = [await news.send(key=key, value=value) for key, value in told]
            # Not before Kafka has it may the record count as read.
            await asyncio.gather(*sent)

    async def keep(stream: Any) -> None:
        async for key, value in stream.items():
            switch = stored(app.switches.get(key, {}))
            switch.hear(_news.decode(value))
            app.switches[key] = msgspec.to_builtins(switch, str_keys=True)

    async def ask_for_sync() -> None:
        now = int(time.time() * 1000)
        await requests.send(value=build.sync_request(f"network-{uuid.uuid4()}", now))

    async def begin(*_: Any, **__: Any) -> None:
        app.may_lack_links = True
        await ask_for_sync()

    async def drop_overdue_chains() -> None:
        incomplete = assembler.drop_overdue(_now())
        for name in incomplete:
            app.log.warning("the chain %s stopped before its end", name)
        if incomplete and app.may_lack_links:
            app.may_lack_links = False
            await ask_for_sync()

    app.agent(reports, name="listen")(listen)
    app.agent(news, name="keep")(keep)
    app.on_rebalance_complete.connect(begin, weak=False)
    app.timer(interval=1.0)(drop_overdue_chains)
    pages.register(app)
    return app


def stored(row: dict[str, Any]) -> Switch:
    """The switch in a row of the table, which Faust keeps as JSON; an empty row is a new one."""
    return msgspec.convert(row, Switch, str_keys=True)


def read(record: Any, assembler: Assembler) -> Iterator[tuple[str, bytes]]:
    """What a record says: each switch of which it speaks, and the encoded news of it.

    Nothing that anybody may write to the topic makes it fail.
    """
    data = record.value or b""
    at = int(record.timestamp * 1000)
    try:
        envelope = decode(data)
        began = sync_began(record, at)
        told = news_of(data, began)
        if told is not None:
            news_by_switch = dict([told])
        elif is_link(envelope):
            key = record.key.decode("utf-8", "replace") if record.key else None
            chain = assembler.take(data, envelope, _now(), key)
            news_by_switch = listed_in(chain.entries, began) if chain is not None else {}
        else:
            return
    except (Unreadable, BadLink):
        return
    for switch, news in news_by_switch.items():
        yield switch, msgspec.json.encode(news)


def sync_began(record: Any, otherwise: int) -> int:
    """When the router began the sync to which a link belongs, in ms."""
    for name, value in record.headers or ():
        if name == header.SYNC_BEGAN and value.isdigit():
            return int(value)
    return otherwise


def _now() -> int:
    return int(time.monotonic() * 1000)
