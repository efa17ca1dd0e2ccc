"""The copies of pictures, planned."""
