"""Heads trained together equal heads trained one by one, and Keras's own fit."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from bakeoff.features.sides import Side
from bakeoff.params.training import HeadParams, TrainParams
from bakeoff.runtime.devices import prepare
from bakeoff.runtime.errors import BakeoffError
from bakeoff.train.fused_adam import FusedAdam, FusedAdamW
from bakeoff.train.head_members import HeadMember, Heads, train_members
from bakeoff.train.head_training import train_head

CLASSES = ("a", "b", "c")
HEAD = HeadParams(hidden=(8,))


def features(n=150, dim=6, spread=1.0):
    """Three clouds, `n` points in turn."""
    rng = np.random.default_rng(5)
    labels = np.arange(n) % 3
    values = rng.normal(size=(3, dim))[labels] + spread * rng.normal(size=(n, dim))
    return values.astype(np.float32), labels


def members(n=150, count=5, seed=1):
    """Five members, each tested on another fifth."""
    fold = np.arange(n) // 3 % count
    return [
        HeadMember(
            np.flatnonzero((fold != f) & (fold != (f + 1) % count)),
            np.flatnonzero(fold == (f + 1) % count),
            np.flatnonzero(fold == f),
            seed,
        )
        for f in range(count)
    ]


def heads(params, head=HEAD, spread=1.0):
    prepare("single", 0)
    return Heads(*features(spread=spread), CLASSES, head, params)


def side(shared, rows):
    names = np.array([str(row) for row in rows])
    whole = np.full(len(rows), "original")
    return Side(names, whole, names, shared.labels[rows], shared.values[rows])


@pytest.mark.parametrize(
    ("train", "head"),
    [
        ({}, {}),
        ({"optimizer": "adamw", "weight_decay": 0.1}, {"activation": "gelu"}),
        ({"optimizer": "sgd", "momentum": 0.8}, {"batch_norm": True}),
        ({"schedule": "cosine", "warmup_epochs": 1}, {"dropout": (0.1,), "l2": 0.01}),
        ({"schedule": "plateau", "min_delta": 0.5}, {"hidden": ()}),
        ({"label_smoothing": 0.1, "class_weights": "none"}, {"activation": "tanh"}),
        ({"monitor": "loss", "early_stopping": None}, {}),
        ({"ema": 0.9}, {"whiten": 4, "max_norm": 0.5}),
    ],
)
def test_a_member_equals_the_head_that_the_training_loop_gives(train, head):
    params = TrainParams(**{"epochs": 4, "learning_rate": 0.01} | train)
    shared = heads(params, HeadParams(**{"hidden": (8,)} | head))
    member = members()[0]
    (fitted,) = train_members(shared, [member], 1)
    trained, progress, logits = train_head(
        side(shared, member.train),
        side(shared, member.val),
        CLASSES,
        shared.head,
        params,
        seed=member.seed,
        compute=prepare("single", member.seed),
    )
    assert (fitted.best_epoch, fitted.epochs) == (progress.best_epoch, progress.epoch)
    np.testing.assert_allclose(fitted.val_logits, logits, atol=2e-4)
    test = trained(shared.values[member.test], training=False)
    np.testing.assert_allclose(fitted.test_logits, keras.ops.convert_to_numpy(test), atol=2e-4)


@pytest.mark.parametrize("head", [HeadParams(hidden=(8,)), HeadParams(hidden=(8,), whiten=4)])
def test_neither_the_workers_nor_the_other_members_change_a_bit(head):
    shared = heads(TrainParams(epochs=3, learning_rate=0.01), head)
    all_members = members()
    one, two = (list(train_members(shared, all_members, workers)) for workers in (1, 2))
    last = next(train_members(shared, all_members[-1:], 1))
    for first, second in [*zip(one, two, strict=True), (one[-1], last)]:
        np.testing.assert_array_equal(first.test_logits, second.test_logits)
        np.testing.assert_array_equal(first.val_logits, second.val_logits)


def test_another_seed_gives_another_head():
    shared = heads(TrainParams(epochs=1))
    member = members()[0]
    one, other = train_members(shared, [member, replace(member, seed=2)], 1)
    assert not np.array_equal(one.test_logits, other.test_logits)


def test_the_tested_rows_labels_are_never_looked_at():
    shared = heads(TrainParams(epochs=2))
    member = members()[0]
    blind = shared.labels.copy()
    blind[member.test] = 0
    one, other = (
        next(train_members(s, [member], 1)) for s in (shared, replace(shared, labels=blind))
    )
    np.testing.assert_array_equal(one.test_logits, other.test_logits)


def test_it_is_as_accurate_as_keras_own_fit():
    params = TrainParams(epochs=15, learning_rate=0.01, early_stopping=None, class_weights="none")
    prepare("single", 0)
    shared = Heads(
        *features(n=900, spread=0.9), CLASSES, HeadParams(hidden=(16,), dropout=0.0), params
    )
    ours, theirs = [], []
    chosen = members(n=900)
    for member, fitted in zip(chosen, train_members(shared, chosen, 5), strict=True):
        x, y = shared.values[member.train], shared.labels[member.train]
        mean, deviation = x.mean(axis=0), x.std(axis=0)
        keras.utils.set_random_seed(3)
        model = keras.Sequential([keras.layers.Dense(16, activation="relu"), keras.layers.Dense(3)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(0.01), loss)
        model.fit((x - mean) / deviation, y, batch_size=16, epochs=15, verbose=0)
        test = (shared.values[member.test] - mean) / deviation
        theirs.append(np.argmax(model(test), axis=1) == shared.labels[member.test])
        ours.append(fitted.test_logits.argmax(axis=1) == shared.labels[member.test])
    ours, theirs = np.concatenate(ours), np.concatenate(theirs)
    difference = ours.astype(float) - theirs
    assert theirs.mean() > 0.75
    # Four standard errors of the paired difference, and never stricter than one percent.
    assert abs(difference.mean()) < max(0.01, 4 * difference.std() / np.sqrt(len(difference)))
    assert difference.std() < 0.3


def test_a_loss_that_is_no_number_and_an_unknown_monitor_are_reported():
    with pytest.raises(BakeoffError, match=r"loss is no longer a number .*'train.learning_rate'"):
        list(train_members(heads(TrainParams(learning_rate=1e30)), members(), 2))
    with pytest.raises(BakeoffError, match="'val_fp_nobody', which is no metric"):
        list(train_members(heads(TrainParams(monitor="val_fp_nobody")), members()[:1], 1))


@pytest.mark.parametrize(
    ("fused", "plain"),
    [(FusedAdam, keras.optimizers.Adam), (FusedAdamW, keras.optimizers.AdamW)],
)
def test_the_fused_optimizer_moves_as_keras_own(fused, plain):
    rng = np.random.default_rng(1)
    start, steps = rng.normal(size=(5, 4)), rng.normal(size=(6, 5, 4)) * [1, 1e-3, 10, 0]
    ended = []
    for kind in (fused, plain):
        variable = keras.Variable(start.astype("float32"))
        optimizer = kind(0.05)
        optimizer.build([variable])
        for gradient in steps.astype("float32"):
            optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
        ended.append(keras.ops.convert_to_numpy(variable))
    np.testing.assert_allclose(*ended, rtol=1e-5, atol=1e-6)
    assert np.abs(ended[0] - start).max() > 0.1
