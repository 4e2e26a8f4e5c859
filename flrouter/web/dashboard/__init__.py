"""The dashboard under `/dashboard/` (docs/dashboard.md): a picture of the whole router that keeps
itself up to date, and a page for each switch, FL and request.

The pages stand in `html/`, what they run in `static/`, as files that any browser takes as they are.
What they show comes from here once a second (`snapshot.py`, `stream.py`) or from the API.
"""
