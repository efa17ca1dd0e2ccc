"""The test pictures become probabilities, maps and latencies."""
