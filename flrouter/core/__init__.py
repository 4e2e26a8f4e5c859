"""The decisions: pure state machines over one shard's state.

No Kafka, no Faust, no asyncio and no clock: what came in and what time it is are arguments, what
is to be done about it is returned as :class:`~flrouter.core.effects.Effects`. PROTOCOL's rules
are here and nowhere else.
"""
