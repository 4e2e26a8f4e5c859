"""Requests that read: lists and single things, of all workers together."""
