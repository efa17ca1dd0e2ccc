"""Optimisers and their learning-rate schedules."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bakeoff.params.training import FineTuneParams, TrainParams
from bakeoff.runtime.tf import keras
from bakeoff.train.checkpoints import assign, values_of
from bakeoff.train.fused_adam import FusedAdam, FusedAdamW

PLATEAU_FACTOR = 0.5
"""What the `plateau` schedule multiplies the learning rate with."""


OptimizerParams = TrainParams | FineTuneParams


def build_optimizer(
    params: OptimizerParams,
    network: keras.Model,
    steps: int,
    precision: str = "float32",
    *,
    fused: bool = False,
) -> keras.optimizers.Optimizer:
    """Build the optimiser of `network`, with its slots.

    Args:
        params: Kind, learning rate, momentum (SGD), weight decay (AdamW), schedule, epochs,
            momentum of the averaged weights.
        network: Its trainable variables are what the optimiser moves.
        steps: Batches in an epoch.
        precision: `mixed_float16` adds loss scaling, for small gradients vanish in float16.
        fused: Adam and AdamW in one pass, for float32 variables on one device.
    """
    rate = learning_rate(params, steps)
    averaged: dict[str, Any] = {"use_ema": True, "ema_momentum": params.ema} if params.ema else {}
    match params.optimizer:
        case "adam":
            optimizer = (FusedAdam if fused else keras.optimizers.Adam)(rate, **averaged)
        case "adamw":
            kind = FusedAdamW if fused else keras.optimizers.AdamW
            optimizer = kind(rate, weight_decay=params.weight_decay, **averaged)
            # Decay shrinks what multiplies a signal; shifts and scales are left alone.
            optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        case _:
            optimizer = keras.optimizers.SGD(rate, momentum=params.momentum, **averaged)
    if precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(network.trainable_variables)
    return optimizer


@contextmanager
def averaged_weights(network: keras.Model, optimizer: keras.optimizers.Optimizer) -> Iterator[None]:
    """Inside the block the network has its averaged weights, where the optimiser keeps them.

    They are the exponential moving average over the steps (Polyak & Juditsky 1992) that `ema` asks
    for; without it nothing changes.
    """
    if not getattr(optimizer, "inner_optimizer", optimizer).use_ema:
        yield
        return
    held = values_of(network.trainable_variables)
    optimizer.finalize_variable_values(network.trainable_variables)
    try:
        yield
    finally:
        assign(network.trainable_variables, held)


def learning_rate(
    params: OptimizerParams, steps: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate, or for `cosine` its course over all steps.

    Cosine: a linear rise from 0 over the warm-up epochs, then half a cosine down to 0 at the last
    step (Loshchilov & Hutter, "SGDR", 2017). `plateau` starts constant; the training lowers it.
    """
    if params.schedule != "cosine":
        return params.learning_rate
    warmup = min(params.warmup_epochs, params.epochs - 1) * steps
    if not warmup:
        return keras.optimizers.schedules.CosineDecay(params.learning_rate, params.epochs * steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0,
        params.epochs * steps - warmup,
        warmup_target=params.learning_rate,
        warmup_steps=warmup,
    )
