"""The FL side: SDK and simulated FL."""
