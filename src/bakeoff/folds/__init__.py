"""Out-of-fold predictions: every picture is a test picture once in each repeat."""
