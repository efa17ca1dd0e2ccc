"""Dealing pictures to train, val and test without leaks."""
