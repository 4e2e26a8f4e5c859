"""What goes into a shard, what comes out, and what is kept: plain values.

`inputs` go in, `effects` come out, `records` are the tables' rows, `peers` is what shards tell each
other; `request` and `home` say which request it is, and whose.
"""
