"""The demo's plan, the commands that it sends, and the ledger of their answers."""
