"""Predict and explain new pictures with a model folder or a registered model."""
