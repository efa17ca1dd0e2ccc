"""Labels and probabilities become scores."""
