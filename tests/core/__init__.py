"""Tests of the pure core: no Kafka, no Faust, no clock."""
