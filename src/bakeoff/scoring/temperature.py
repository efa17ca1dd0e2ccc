"""Temperature scaling: one number that calibrates a model's probabilities.

Guo et al., "On Calibration of Modern Neural Networks", ICML 2017. Dividing logits by a
temperature above 1 softens every probability; it never changes the predicted class.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

# Beyond these bounds the side is too small, or the predictions too good, to fit a temperature.
_LOWEST, _HIGHEST = 0.05, 20.0


def fit_temperature(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """The temperature in 0.05..20 with the smallest log loss on held-out pictures.

    Logits have shape `(n, k)`, or log-probabilities; labels `(n,)`, in `0..k-1`. It is 1 without
    pictures, or where no temperature lowers the loss.

    Example:
        Logits of ±2 mean a probability of 0.982, but one of four predictions is wrong. The best
        temperature gives each prediction a probability of 3/4: 4 / log(3).

        >>> logits = np.array([[2.0, -2.0]] * 4)
        >>> round(fit_temperature(logits, np.array([0, 0, 0, 1])), 3)
        3.641
    """
    if len(labels) == 0:
        return 1.0
    held = np.asarray(logits, np.float64)
    rows = np.arange(len(labels))

    def log_loss(log_temperature: float) -> float:
        scaled = log_softmax(held / np.exp(log_temperature), axis=1)
        return -float(scaled[rows, labels].mean())

    best = minimize_scalar(log_loss, bounds=(np.log(_LOWEST), np.log(_HIGHEST)), method="bounded")
    if not log_loss(float(best.x)) < log_loss(0.0):
        return 1.0
    # Six digits: more would only carry the last bits of one machine's arithmetic into files.
    return round(float(np.exp(best.x)), 6)


def softmax(logits: NDArray[np.floating], temperature: float = 1.0) -> NDArray[np.float64]:
    """Probabilities, shape `(n, k)`, float64, of logits divided by `temperature`.

    Example:
        >>> softmax(np.array([[np.log(3.0), 0.0]])).round(6)
        array([[0.75, 0.25]])
    """
    return np.exp(log_softmax(np.asarray(logits, np.float64) / temperature, axis=1))
