"""`/metrics`: what Prometheus reads (docs/metrics.md). All is counted elsewhere, and read here."""
