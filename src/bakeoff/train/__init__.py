"""Heads and networks, trained."""
