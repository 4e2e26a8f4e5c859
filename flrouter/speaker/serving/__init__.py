"""The FL side at work: carries out commands in order, each once and before its deadline."""
