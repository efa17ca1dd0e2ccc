"""Predictions become conclusions: comparison, uncertainty, cost, verdict."""
