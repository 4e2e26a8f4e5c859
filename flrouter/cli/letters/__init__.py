"""`flrouter dead-letters`: looking at them, and putting them back."""
