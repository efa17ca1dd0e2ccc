"""The MLflow mirror, on real SQLite stores."""
