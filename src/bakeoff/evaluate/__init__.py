"""Conclusions from predictions: comparison, uncertainty, cost, verdict."""
