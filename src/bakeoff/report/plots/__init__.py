"""Figures, one module per subject; equal data give equal bytes."""
