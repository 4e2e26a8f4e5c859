"""The JSON API under `/api/v1` (docs/api.md): what every worker tells, and what it may be told.

`web/calls/shapes.py` says what goes over the wire, `operations.py` which requests there are; the
OpenAPI document is made of the two.
"""
