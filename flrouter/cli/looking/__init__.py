"""Commands that only look: status, switches, FLs, one request, and live figures."""
