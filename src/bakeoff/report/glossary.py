"""What the words of the page mean, in one sentence each."""

GLOSSARY = {
    "Accuracy": "share of pictures whose class is predicted",
    "Interval": "range that would hold the true score in the stated share of repeated samples",
    "Kappa": "Cohen's kappa: agreement beyond chance; 0 is chance, 1 is perfect",
    "Macro F1": "mean over classes of the harmonic mean of precision and recall",
    "AUC": "probability that a picture of a class gets a higher score for it than one of another "
    "class, mean over classes; 0.5 is guessing",
    "Log loss": "mean of minus the logarithm of the probability given to the true class; lower is "
    "better, sure mistakes cost most",
    "Calibr. error": "mean distance between stated probability and share right; 0 is honest",
    "Recall": "sensitivity: share of a class that is found",
    "Precision": "share of the predictions of a class that are right",
    "Specificity": "share of the other classes that is not taken for this one",
    "Group": "pictures that belong together, such as a patient's; a group is never on two sides",
    "Fold": "one of several parts, each tested by models trained on the others",
    "p": "probability of such a difference, or a larger one, between equally good models",
    "Temperature": "number that divides the network's outputs to make its probabilities honest",
    "Random (fallback)": "pretrained weights were not found; seeded random ones stand in for them",
    "Pareto front": "models for which no other is at least as accurate and faster",
}
