"""Scores, intervals, tests, figures and the report."""
