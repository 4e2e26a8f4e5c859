"""Commands that look: status, switches, FLs, one request, all at a glance."""
