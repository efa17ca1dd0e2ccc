"""Copying a data set's files from any source to data/raw."""
