"""Patience: how much slower than a quiet machine the one is that tests run on."""

from __future__ import annotations

import os

#: how many times longer the router's short timeouts are, past which something else happens. 1 would
#: do on a quiet machine; more is needed where brokers share it (tests/kafka).
PATIENCE = float(os.environ.get("FLROUTER_TEST_PATIENCE", "2"))
#: how many times longer than on a quiet machine a test waits until it fails. Where all is well that
#: costs nothing, so it is plenty: a machine that is busy is no fault of the router.
HOPE = 5 * PATIENCE
