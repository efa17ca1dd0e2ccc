import math

import numpy as np
import pytest

from bakeoff.train.progress import Progress


def run(scores, *, monitor="val_accuracy", min_delta=0.0, patience=2):
    progress = Progress()
    for score in scores:
        if progress.is_over(patience):
            break
        weights = [np.array([progress.epoch + 1.0])]
        progress.note(
            {monitor: score}, lambda kept=weights: kept, monitor=monitor, min_delta=min_delta
        )
    return progress


@pytest.mark.parametrize(
    ("scores", "epochs", "best"),
    [
        ([0.5, 0.6, 0.7, 0.8], 4, 4),
        ([0.5, 0.4, 0.4, 0.9], 3, 1),  # two epochs without gain end it
        ([0.5, 0.4, 0.6, 0.5, 0.5, 0.9], 5, 3),
        ([0.5, 0.5, 0.5], 3, 1),  # a tie is no gain
        ([math.nan, 0.1, math.nan, math.nan], 4, 2),  # undefined is no gain
        ([math.nan, math.nan, 0.3], 2, 1),
    ],
)
def test_early_stopping_and_best_epoch(scores, epochs, best):
    progress = run(scores)
    assert (progress.epoch, progress.best_epoch) == (epochs, best)
    assert progress.best_weights[0] == best


def test_losses_are_better_when_smaller():
    assert run([0.9, 0.5, 0.7], monitor="val_loss").best_epoch == 2


def test_min_delta_ends_earlier_but_any_gain_is_kept():
    progress = run([0.50, 0.51, 0.52, 0.9], min_delta=0.05)
    assert (progress.epoch, progress.best_epoch) == (3, 3)


def test_slow_gains_add_up_against_min_delta():
    assert run([0.50, 0.53, 0.56, 0.59, 0.62], min_delta=0.05).epoch == 5


def test_without_patience_it_goes_on():
    assert run([0.5] * 9, patience=None).epoch == 9


def test_epochs_that_may_not_be_kept_leave_the_best_alone():
    progress = run([0.5])
    progress.note(
        {"val_accuracy": 0.9},
        lambda: [np.array([2.0])],
        monitor="val_accuracy",
        min_delta=0.0,
        eligible=False,
    )
    assert (progress.best_epoch, progress.epoch) == (1, 2)


def test_patience_is_renewed():
    progress = run([0.5, 0.4, 0.4])
    assert progress.is_over(2)
    progress.renew_patience()
    assert not progress.is_over(2)
    assert progress.best_epoch == 1
