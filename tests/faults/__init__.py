"""Faults put into a real pipeline, and what is left of it."""
