"""What the demo sends, to which plan, and the account of what came back."""
