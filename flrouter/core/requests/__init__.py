"""A request's life: pending at an FL, until its one answer; then on the blacklist, or forgotten.

What else becomes of one: rejected at once, refused by the broker, a part of a gather, a chain of
links.
"""
