"""A worker at work: it owns shards, has them decide, and makes durable what they decided.

`ownership` and `durability` know nothing but the ports; `state` is what a shard is restored from;
`shards` puts the world around them. What of it fills a place of Faust's is in `faust_side`.
"""
