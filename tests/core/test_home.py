"""Homes against Kafka's own partitioner."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2 as kafkas_murmur2

from flrouter.core.values.home import _place, home, murmur2, partition_for


@given(st.binary(max_size=40))
def test_murmur2_is_kafkas(data: bytes) -> None:
    """Any key hashes to what kafka-python's partitioner makes of it."""
    assert murmur2(data) == kafkas_murmur2(data) & 0xFFFFFFFF


@pytest.mark.parametrize(
    ("key", "hashed"),
    [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536)],
)
def test_murmur2_is_the_java_clients(key: bytes, hashed: int) -> None:
    """The values that Kafka's own tests expect (UtilsTest.testMurmur2)."""
    assert murmur2(key) == hashed & 0xFFFFFFFF


@given(key=st.text(max_size=20).filter(str.isprintable), partitions=st.integers(1, 500))
def test_a_home_is_where_a_producer_puts_the_key(key: str, partitions: int) -> None:
    """So a command that is keyed by its switch needs no hop."""
    at = (kafkas_murmur2(key.encode()) & 0x7FFFFFFF) % partitions
    assert home(key, partitions) == partition_for(key.encode(), partitions) == at


def test_records_without_a_key() -> None:
    """They have to go somewhere, always the same place."""
    assert partition_for(None, 7) == 0


def test_long_keys_are_not_home() -> None:
    """A requester's id may have a megabyte, and the memory holds a hundred thousand keys."""
    before = _place.cache_info().currsize
    key = "x" * 100_000
    assert home(key, 7) == partition_for(key.encode(), 7)
    assert _place.cache_info().currsize == before
