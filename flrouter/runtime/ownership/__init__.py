"""Who owns which shard, and what an owner does: takes over, works, lets go.

Plain synchronous code behind the ports: the simulator drives it as workers do.
"""
