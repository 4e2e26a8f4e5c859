"""What every request is handled with: who asks, for what, of which workers.

All that the API, the pages and the metrics are made of.
"""
