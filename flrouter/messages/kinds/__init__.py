"""Kinds of messages: where each names its switch, whom it goes to, who gets the answer."""
