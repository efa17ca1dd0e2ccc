import keras
import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from bakeoff.features.sides import Side
from bakeoff.params.training import HeadParams, TrainParams
from bakeoff.runtime.devices import prepare
from bakeoff.runtime.errors import BakeoffError
from bakeoff.train.epoch_metrics import epoch_metrics
from bakeoff.train.head_training import FeatureExamples, balanced_class_weights, train_head

CLASSES = ("a", "b", "c")


def side(n, seed, spread=1.0, labels=None):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3 if labels is None else labels
    centres = np.random.default_rng(0).normal(size=(3, 6))
    values = (centres[labels] + spread * rng.normal(size=(n, 6))).astype(np.float32)
    names = np.array([f"{seed}-{i}" for i in range(n)])
    return Side(names, np.full(n, "original"), names, labels, values)


def train(params, head=None, *, seed=1, spread=1.0, on_epoch=lambda row: None, data=None):
    compute = prepare("single", seed)
    return train_head(
        data or side(60, 1, spread),
        side(30, 2, spread),
        CLASSES,
        head or HeadParams(hidden=(8,)),
        params,
        seed=seed,
        compute=compute,
        on_epoch=on_epoch,
    )


def test_learns_and_returns_the_best_epochs_weights():
    head, progress, logits = train(TrainParams(epochs=12, learning_rate=0.01), spread=0.8)
    best = max(progress.history, key=lambda row: row["val_cohen_kappa"])
    assert progress.best_epoch == best["epoch"]
    assert best["val_accuracy"] > 0.7
    again = keras.ops.convert_to_numpy(head(side(30, 2, 0.8).values, training=False))
    np.testing.assert_allclose(logits, again, atol=1e-5)
    accuracy = (logits.argmax(axis=1) == np.arange(30) % 3).mean()
    assert accuracy == pytest.approx(best["val_accuracy"])


def test_history_is_scored_after_the_epoch_on_both_sides():
    head, progress, _ = train(TrainParams(epochs=1))
    for prefix, examples in (("", side(60, 1)), ("val_", side(30, 2))):
        logits = keras.ops.convert_to_numpy(head(examples.values, training=False))
        chances = keras.ops.convert_to_numpy(keras.ops.softmax(logits)).astype(np.float64)
        expected = epoch_metrics(examples.labels, chances, CLASSES)
        found = {name: progress.history[0][f"{prefix}{name}"] for name in expected}
        assert found == pytest.approx(expected, abs=1e-5)


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    params = TrainParams(epochs=2)
    one, two, other = (train(params, seed=seed)[0].get_weights() for seed in (1, 1, 2))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any(not np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "adamw", "weight_decay": 0.01},
        {"optimizer": "sgd", "learning_rate": 0.05, "momentum": 0.8},
        {"schedule": "cosine", "warmup_epochs": 1, "epochs": 4, "learning_rate": 0.01},
        {"schedule": "plateau", "learning_rate": 0.01},
        {"label_smoothing": 0.1, "class_weights": "none", "learning_rate": 0.01},
    ],
)
def test_every_way_of_training_lowers_the_loss(settings):
    params = TrainParams(**{"epochs": 5, "early_stopping": None} | settings)
    _, progress, _ = train(params, HeadParams(hidden=(8,), l2=1e-4, batch_norm=True))
    assert progress.history[-1]["loss"] < progress.history[0]["loss"]


def test_the_monitor_chooses_the_epoch():
    _, progress, _ = train(TrainParams(epochs=6, early_stopping=None, monitor="val_loss"), spread=2)
    losses = [row["val_loss"] for row in progress.history]
    assert progress.best_epoch == int(np.argmin(losses)) + 1


def test_a_monitor_of_no_class_is_refused():
    with pytest.raises(BakeoffError, match="monitor is 'val_fp_nobody', which is no metric; give"):
        train(TrainParams(epochs=1, monitor="val_fp_nobody"))


def test_plateau_halves_the_rate_after_an_epoch_without_gain():
    params = TrainParams(
        epochs=4, schedule="plateau", early_stopping=None, min_delta=2.0, learning_rate=0.008
    )
    _, progress, _ = train(params)
    rates = [row["learning_rate"] for row in progress.history]
    assert rates == pytest.approx([0.008, 0.008, 0.004, 0.002])


def test_a_loss_that_is_no_number_stops_with_epoch_and_batch():
    params = TrainParams(epochs=9, optimizer="sgd", learning_rate=1e25, early_stopping=None)
    with pytest.raises(
        BakeoffError, match=r"no longer a number in epoch 1, batch [234] of 4; lowe"
    ):
        train(params)


def test_each_epoch_is_reported():
    rows = []
    train(TrainParams(epochs=3, early_stopping=None), on_epoch=rows.append)
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert {row["phase"] for row in rows} == {"head"}


def test_class_weights_are_scikit_learns():
    labels = np.array([0] * 7 + [1] * 2 + [2] * 3)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose(balanced_class_weights(labels, 3), expected, rtol=1e-6)
    assert balanced_class_weights(labels, 4)[3] == 0


def test_balanced_weights_lift_the_rare_class():
    labels = np.array([0] * 40 + [1] * 40 + [2] * 4)
    data = side(84, 5, spread=2.5, labels=labels)
    recalls = []
    for how in ("none", "balanced"):
        params = TrainParams(epochs=8, early_stopping=None, class_weights=how, learning_rate=0.01)
        _, progress, _ = train(params, HeadParams(hidden=()), data=data)
        recalls.append(progress.history[-1]["fn_c"])
    assert recalls[1] < recalls[0]


def test_an_epoch_shows_each_example_once_in_an_order_of_its_own():
    examples = FeatureExamples(side(10, 1), 3, 4, np.ones(3, np.float32), seed=3)
    assert examples.steps == 3
    epochs = [np.concatenate([b.inputs for b in examples.batches(e)]) for e in (1, 1, 2)]
    np.testing.assert_array_equal(epochs[0], epochs[1])
    assert not np.array_equal(epochs[0], epochs[2])
    np.testing.assert_array_equal(np.sort(epochs[0], axis=0), np.sort(epochs[2], axis=0))
    assert [len(b.labels) for b in examples.batches(1)] == [4, 4, 2]


def test_averaged_weights_are_what_is_scored_and_kept():
    params = TrainParams(epochs=3, ema=0.9, early_stopping=None)
    head, progress, logits = train(params)
    plain, _, _ = train(params.model_copy(update={"ema": None}))
    assert not np.allclose(head.get_weights()[-1], plain.get_weights()[-1])
    again = keras.ops.convert_to_numpy(head(side(30, 2).values, training=False))
    np.testing.assert_allclose(logits, again, atol=1e-5)
    best = progress.history[progress.best_epoch - 1]
    accuracy = (logits.argmax(axis=1) == np.arange(30) % 3).mean()
    assert accuracy == pytest.approx(best["val_accuracy"])


def test_max_norm_holds_for_every_hidden_unit_at_every_step():
    params = TrainParams(epochs=3, learning_rate=0.1, early_stopping=None)
    head, _, _ = train(params, HeadParams(hidden=(8, 4), max_norm=0.5))
    free, _, _ = train(params, HeadParams(hidden=(8, 4)))
    for name in ("dense_1", "dense_2"):
        norms = np.linalg.norm(head.get_layer(name).get_weights()[0], axis=0)
        assert norms.max() <= 0.5 + 1e-5
        assert np.linalg.norm(free.get_layer(name).get_weights()[0], axis=0).max() > 0.6
