import keras
import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from bakeoff.params.training import HeadParams
from bakeoff.runtime.errors import BakeoffError
from bakeoff.scoring.temperature import softmax
from bakeoff.train.heads import (
    build_head,
    calibrated_head,
    feature_moments,
    feature_scaling,
    load_head,
    standardised,
)
from bakeoff.train.keras_files import save_keras
from bakeoff.train.whitening import participation_rank

RNG = np.random.default_rng(0)


def test_moments_are_scikit_learns():
    features = (RNG.normal(size=(9000, 5)) * [1e-6, 1, 1e3, 5, 1e-3] + 7).astype(np.float32)
    mean, variance = feature_moments(features)
    scaler = StandardScaler().fit(features.astype(np.float64))
    np.testing.assert_allclose(mean, scaler.mean_, rtol=1e-9)
    np.testing.assert_allclose(variance[1:], scaler.var_[1:], rtol=1e-6)


def test_a_constant_feature_does_not_explode():
    features = np.full((50, 2), 3.0, np.float32)
    features[:, 1] = RNG.normal(size=50)
    mean, variance = feature_moments(features)
    assert variance[0] == 1
    head = build_head(2, 3, HeadParams(hidden=()), (mean, variance))
    assert np.abs(head(np.array([[3.01, 0.0]], np.float32))).max() < 10


def test_features_are_standardised_before_the_first_layer():
    features = (RNG.normal(size=(200, 4)) * [0.01, 1, 100, 1] + [0, 5, 0, -9]).astype(np.float32)
    head = build_head(4, 3, HeadParams(hidden=()), feature_moments(features))
    kernel, bias = head.get_layer("logits").get_weights()
    expected = StandardScaler().fit_transform(features) @ kernel + bias
    np.testing.assert_allclose(head(features), expected, atol=1e-4)


def test_features_of_a_deep_random_network_are_standardised_however_small():
    features = (RNG.normal(size=(200, 4)) * 1e-13 + 3e-13).astype(np.float32)
    head = build_head(4, 3, HeadParams(hidden=()), feature_moments(features))
    kernel, bias = head.get_layer("logits").get_weights()
    expected = StandardScaler().fit_transform(features.astype(np.float64) * 1e13) @ kernel + bias
    np.testing.assert_allclose(head(features), expected, atol=1e-3)


def test_the_default_head_has_the_parameters_of_its_matrices():
    head = build_head(1280, 3, HeadParams(), None)
    assert head.count_params() == 1280 * 1024 + 1024 + 1024 * 512 + 512 + 512 * 3 + 3
    assert head.name == "head"


@pytest.mark.parametrize(
    "activation", ["relu", "leaky_relu", "elu", "silu", "gelu", "tanh", "sigmoid"]
)
def test_activation(activation):
    head = build_head(4, 2, HeadParams(hidden=(8,), activation=activation), None)
    assert head.get_layer("activation_1").activation is keras.activations.get(activation)


def test_dropout_for_each_layer():
    head = build_head(4, 2, HeadParams(hidden=(8, 8, 8), dropout=(0.5, 0.0, 0.1)), None)
    rates = {la.name: la.rate for la in head.layers if isinstance(la, keras.layers.Dropout)}
    assert rates == {"dropout_1": 0.5, "dropout_3": 0.1}


def test_penalties_are_the_sums_of_the_weights():
    head = build_head(4, 2, HeadParams(hidden=(8,), l1=0.01, l2=0.1, dropout=0.0), None)
    kernels = [head.get_layer(n).get_weights()[0] for n in ("dense_1", "logits")]
    expected = sum(0.01 * np.abs(k).sum() + 0.1 * (k**2).sum() for k in kernels)
    assert float(sum(head.losses)) == pytest.approx(expected, rel=1e-5)


def test_batch_norm_stands_before_the_activation():
    head = build_head(4, 2, HeadParams(hidden=(8,), batch_norm=True), None)
    names = [layer.name for layer in head.layers]
    assert names.index("dense_1") < names.index("batch_norm_1") < names.index("activation_1")


def test_temperature_is_inside_the_saved_head(tmp_path):
    features = RNG.normal(size=(20, 4)).astype(np.float32)
    head = build_head(4, 3, HeadParams(hidden=(8,)), feature_moments(features))
    save_keras(calibrated_head(head, 2.5), tmp_path / "head.keras")
    loaded = load_head(tmp_path / "head.keras")
    logits = keras.ops.convert_to_numpy(head(features, training=False))
    np.testing.assert_allclose(loaded(features), softmax(logits, 2.5), atol=1e-6)


def test_a_file_that_is_no_model_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "head.keras").write_text("not a zip")
    with pytest.raises(BakeoffError, match="not a readable Keras model"):
        load_head(tmp_path / "head.keras")


def test_whitened_features_are_uncorrelated_and_of_variance_one(tmp_path):
    mixing = RNG.normal(size=(3, 6)) * [1, 2, 3, 4, 5, 0.1]
    features = (RNG.normal(size=(300, 3)) @ mixing + 4).astype(np.float32)
    head = build_head(6, 2, HeadParams(), *feature_scaling(features, HeadParams(whiten=5)))
    inner = keras.Model(head.input, head.get_layer("whiten").output)
    white = inner.predict(features, verbose=0)
    assert white.shape == (300, 3)  # the features have no more directions
    np.testing.assert_allclose(np.cov(white.T), np.eye(3), atol=1e-3)
    scores = PCA(3, whiten=True).fit_transform(StandardScaler().fit_transform(features))
    np.testing.assert_allclose(np.abs(white), np.abs(scores), atol=1e-2)
    assert not head.get_layer("whiten").trainable
    save_keras(calibrated_head(head, 1.0), tmp_path / "head.keras")
    np.testing.assert_allclose(
        load_head(tmp_path / "head.keras")(features), softmax(head(features).numpy()), atol=1e-6
    )


def test_whitening_is_on_by_itself_where_weights_are_random():
    assert HeadParams().for_weights("random").whiten == 32
    assert HeadParams().for_weights("imagenet").whiten is None
    assert HeadParams(whiten=None).for_weights("random").whiten is None
    assert HeadParams(whiten=4).for_weights("file").whiten == 4


def test_the_participation_rank_is_that_of_the_correlation_matrix():
    features = (RNG.normal(size=(5000, 2)) @ RNG.normal(size=(2, 30))).astype(np.float32)
    features += RNG.normal(size=(5000, 30)).astype(np.float32) * 0.1
    variances = np.linalg.eigvalsh(np.corrcoef(features.T))
    expected = variances.sum() ** 2 / (variances**2).sum()
    found = participation_rank(standardised(features, feature_moments(features)))
    assert found == pytest.approx(expected, rel=0.05)
    assert found < 3
    assert participation_rank(np.zeros((4, 3), np.float32)) == 0


def test_a_sigmoid_head_is_a_softmax_head_of_the_differences():
    sigmoid = build_head(4, 2, HeadParams(hidden=(8,), output="sigmoid", dropout=0.0), None)
    plain = build_head(4, 2, HeadParams(hidden=(8,), dropout=0.0), None)
    *hidden, kernel, bias = plain.get_weights()
    sigmoid.set_weights([*hidden, kernel[:, 1:] - kernel[:, :1], bias[1:] - bias[:1]])
    features = RNG.normal(size=(20, 4)).astype(np.float32)
    np.testing.assert_allclose(
        softmax(sigmoid(features).numpy()), softmax(plain(features).numpy()), atol=1e-6
    )
    labels = np.arange(20) % 2
    logit = sigmoid(features).numpy()[:, 1]
    binary = keras.losses.binary_crossentropy(
        labels[:, None].astype(np.float32), logit[:, None], from_logits=True, label_smoothing=0.1
    )
    ours = keras.losses.categorical_crossentropy(
        np.eye(2, dtype=np.float32)[labels],
        sigmoid(features),
        from_logits=True,
        label_smoothing=0.1,
    )
    np.testing.assert_allclose(ours, binary, atol=1e-5)
    with pytest.raises(BakeoffError, match="for two classes, and there are 3; set it to softmax"):
        build_head(4, 3, HeadParams(output="sigmoid"), None)
