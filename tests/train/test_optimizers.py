import keras
import numpy as np
import pytest

from bakeoff.params.training import TrainParams
from bakeoff.train.optimizers import averaged_weights, build_optimizer, learning_rate


def network():
    inputs = keras.Input((3,))
    return keras.Model(inputs, keras.layers.Dense(2)(inputs))


def one_step(params, gradient=1.0):
    model = network()
    before = [np.array(w) for w in model.get_weights()]
    optimizer = build_optimizer(params, model, 10)
    gradients = [keras.ops.full(v.shape, gradient) for v in model.trainable_variables]
    optimizer.apply(gradients, model.trainable_variables)
    return before, model.get_weights()


def test_sgd_moves_by_rate_times_gradient():
    before, after = one_step(TrainParams(optimizer="sgd", learning_rate=0.1), gradient=2.0)
    np.testing.assert_allclose(after[0], before[0] - 0.2, atol=1e-6)


def test_adam_moves_by_about_its_rate_at_first():
    before, after = one_step(TrainParams(optimizer="adam", learning_rate=0.01), gradient=7.0)
    np.testing.assert_allclose(after[0], before[0] - 0.01, atol=1e-5)


def test_adamw_decays_kernels_but_no_bias():
    params = TrainParams(optimizer="adamw", learning_rate=0.1, weight_decay=0.5)
    model = network()
    model.set_weights([np.full((3, 2), 4.0), np.full(2, 4.0)])
    optimizer = build_optimizer(params, model, 10)
    optimizer.apply([keras.ops.zeros(v.shape) for v in model.trainable_variables])
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(kernel, 4 - 0.1 * 0.5 * 4, rtol=1e-5)
    np.testing.assert_allclose(bias, 4)


def test_cosine_rises_over_the_warm_up_and_falls_to_zero():
    params = TrainParams(epochs=10, schedule="cosine", warmup_epochs=2, learning_rate=0.5)
    rate = [float(learning_rate(params, steps=5)(step)) for step in range(51)]
    assert rate[0] == 0
    assert rate[5] == pytest.approx(0.25)
    assert rate[10] == pytest.approx(0.5)
    assert rate[30] == pytest.approx(0.25, abs=1e-6)  # half-way down
    assert rate[50] == pytest.approx(0, abs=1e-7)


def test_cosine_without_warm_up_starts_at_the_top():
    params = TrainParams(epochs=4, schedule="cosine", learning_rate=0.5)
    assert float(learning_rate(params, steps=5)(0)) == pytest.approx(0.5)


def test_float16_gets_loss_scaling():
    optimizer = build_optimizer(TrainParams(), network(), 10, "mixed_float16")
    assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer)


def test_averaged_weights_are_the_exponential_moving_average():
    model = network()
    params = TrainParams(optimizer="sgd", learning_rate=1.0, momentum=0.0, ema=0.5)
    optimizer = build_optimizer(params, model, 10)
    start = np.array(model.get_weights()[0])
    for gradient in (1.0, 2.0, 4.0):
        gradients = [keras.ops.full(v.shape, gradient) for v in model.trainable_variables]
        optimizer.apply(gradients, model.trainable_variables)
    # The weights were start - 1, - 3, - 7; the first is the average's start.
    with averaged_weights(model, optimizer):
        np.testing.assert_allclose(model.get_weights()[0], start - 4.5, atol=1e-5)
    np.testing.assert_allclose(model.get_weights()[0], start - 7, atol=1e-5)


def test_without_averaging_the_weights_stay():
    model = network()
    optimizer = build_optimizer(TrainParams(), model, 10)
    before = model.get_weights()
    with averaged_weights(model, optimizer):
        np.testing.assert_array_equal(model.get_weights()[0], before[0])
