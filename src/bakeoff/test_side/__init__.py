"""Predictions, Grad-CAM maps and latencies on the test side."""
