"""Both guarantees, for tests of what holds under each."""

from __future__ import annotations

import pytest

#: the embedded broker knows no transactions.
GUARANTEES = ["at_least_once", pytest.param("exactly_once", marks=pytest.mark.kafka_only)]
#: of tests on brokers of their own, which take long: CI runs them once, a release twice.
GUARANTEES_OF_A_RELEASE = [
    "at_least_once",
    pytest.param("exactly_once", marks=pytest.mark.release),
]
