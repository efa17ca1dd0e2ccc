"""Baselines that a backbone has to beat: random forest and logistic regression."""
