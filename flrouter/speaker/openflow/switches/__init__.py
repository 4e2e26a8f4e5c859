"""One connected switch: the wire, its connection, its role, its ports."""
