"""The plan of augmented copies."""
