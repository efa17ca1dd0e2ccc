"""Sorting raw files into validated, labelled pictures."""
