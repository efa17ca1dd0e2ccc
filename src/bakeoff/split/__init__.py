"""Splitting pictures into train, val, test and folds without leaks."""
