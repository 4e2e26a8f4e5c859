"""What the integration tests stand on: a broker, real workers, and a foreign requester and FL.

Nothing but `deployment` may know flrouter, and that only as a command line and its settings.
"""
