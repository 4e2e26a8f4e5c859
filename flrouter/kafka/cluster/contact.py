"""Whether any broker answers. Kafka's clients tell after half a minute, or never."""

from __future__ import annotations

from datetime import UTC, datetime

from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaError
from aiokafka.protocol.metadata import MetadataRequest
from mode import Service

from flrouter.clock import now_ms
from flrouter.kafka.cluster.login import (
    Address,
    LoginRefused,
    bootstrap,
    connect,
    unreachable,
    within,
)
from flrouter.retry import Reminder
from flrouter.settings.model import Settings

#: s; between an answer and the next question.
INTERVAL_S = 0.5
#: s; how long a broker may take to answer, and then any broker on a new connection. So a loss is
#: known after `INTERVAL_S` and twice this, which is less than 5 s.
ANSWER_TIMEOUT_S = 2.0


class Contact(Service):
    """Asks a broker twice a second which brokers there are, on a connection of its own."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        # About one topic: asked about none, the embedded broker tells of all.
        self._question = MetadataRequest([settings.shards_topic], allow_auto_topic_creation=False)
        self._connection: AIOKafkaConnection | None = None
        self._brokers: set[Address] = set()
        self._why = ""
        #: ms since the epoch: since when no broker answers; 0 while one does.
        self.lost_since = 0
        self._reminder = Reminder()

    @property
    def trouble(self) -> str:
        """Why no broker answers, and since when; nothing while one does."""
        if not self.lost_since:
            return ""
        since = datetime.fromtimestamp(self.lost_since / 1000, UTC)
        return f"{self._why}, since {since:%Y-%m-%d %H:%M:%S} UTC"

    async def on_stop(self) -> None:
        """Disconnect."""
        self._disconnect()

    @Service.task
    async def _watch(self) -> None:
        while not self.should_stop:
            asked_at = now_ms()
            try:
                await self._ask()
            except LoginRefused as error:
                self._lost(asked_at, str(error))
            except KafkaError as error:
                self._lost(asked_at, unreachable(self._settings, error))
            else:
                self._regained()
            await self.sleep(INTERVAL_S)

    async def _ask(self) -> None:
        """Return when a broker has answered.

        Raises:
            KafkaError, LoginRefused: none does.
        """
        if self._connection is not None:
            try:
                answer = await within(ANSWER_TIMEOUT_S, self._connection.send(self._question))
            except (KafkaError, OSError):
                self._disconnect()
            else:
                self._brokers = {(host, port) for _, host, port, *_ in answer.brokers}
                return
        # Those that the settings name may be away, and others there; or all have moved.
        known = {*bootstrap(self._settings), *self._brokers}
        self._connection = await connect(self._settings, known, ANSWER_TIMEOUT_S)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _lost(self, asked_at: int, why: str) -> None:
        self._why = why
        if not self.lost_since:
            self.lost_since = asked_at
            self._reminder = Reminder()
        if self._reminder.is_due():
            self.log.warning("%s", self.trouble)

    def _regained(self) -> None:
        if self.lost_since:
            away_s = (now_ms() - self.lost_since) / 1000
            self.log.warning("the broker answers again, after %.0f s", away_s)
            self.lost_since = 0
