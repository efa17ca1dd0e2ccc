"""The cheap models that a backbone has to beat."""
