"""Predicting and explaining new pictures with a model folder or a registered model."""
