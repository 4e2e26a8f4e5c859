"""The history over HTTP (docs/api.md): every request ever, what went on at FLs, who ordered what.

`flrouter history worker` has the database, and answers from it (`history/worker/serving.py`). The
router's workers have not: they ask it (`asking.py`), under the same paths, so that browsers and the
command line need one address alone.
"""
