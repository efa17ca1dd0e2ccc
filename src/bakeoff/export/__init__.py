"""A trained model becomes a file for other runtimes, run and compared before it is kept."""
