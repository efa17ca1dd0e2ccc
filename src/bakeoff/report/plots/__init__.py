"""Figures, one module for each kind of question; equal data give equal bytes."""
