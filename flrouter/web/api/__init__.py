"""The JSON API under `/api/v1` (docs/api.md).

`operations.py` has all requests, `web/calls/shapes.py` what goes over the wire. The OpenAPI
document is made of both.
"""
