"""Raw files become validated, labelled pictures."""
