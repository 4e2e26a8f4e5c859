"""Patience: how much slower than a quiet machine the one is that tests run on.

What a test expects to happen may take so many times longer, and the router's short timeouts, past
which something else happens, are as many times longer too.
"""

from __future__ import annotations

import os

#: 1 would do on a quiet machine; more is needed where brokers share it (tests/kafka).
PATIENCE = float(os.environ.get("FLROUTER_TEST_PATIENCE", "2"))
