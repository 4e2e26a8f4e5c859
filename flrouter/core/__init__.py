"""The decisions: pure state machines over one shard's state.

No Kafka, no Faust, no asyncio and no clock: what came in and what time it is are arguments, what
is to be done about it is returned as :class:`~flrouter.core.values.effects.Effects`. The rules of
docs/protocol.md are here and nowhere else; each is cited by its section, as (protocol.md, 4.2).
"""
