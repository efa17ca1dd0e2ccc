import dataclasses

import keras
import numpy as np
import pytest
from PIL import Image

from bakeoff.ingest.phantom import draw_patient, draw_view, render
from bakeoff.test_side.gradcam import Network
from bakeoff.train.heads import calibrated
from bakeoff.train.keras_files import load_keras

SIDE = 64


def network_of(backbone: keras.Model, head: keras.Model, side: int) -> keras.Model:
    """A network with the layers that an exported one has."""
    pictures = keras.Input((None, None, 1), name="picture", dtype="float32")
    x = keras.layers.Resizing(side, side, name="resizing")(pictures)
    x = backbone(keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="preprocessing")(x))
    x = keras.layers.GlobalAveragePooling2D(name="pooling")(x)
    return keras.Model(pictures, calibrated(head(x), 2.0))


@pytest.fixture(scope="module")
def bright_and_dark() -> keras.Model:
    """Class 0 is scored by dark places, class 1 by bright ones; weights are set, not trained."""
    convolution = keras.layers.Conv2D(2, 8, strides=8, activation="relu")
    backbone = keras.Sequential([keras.Input((32, 32, 1)), convolution], name="backbone")
    kernel = np.full((8, 8, 1, 2), 1 / 64)
    kernel[..., 0] *= -1
    convolution.set_weights([kernel, np.zeros(2)])
    head = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, use_bias=False)], name="head")
    head.layers[0].set_weights([np.eye(2) * 3])
    return network_of(backbone, head, 32)


def square_at(row: int, column: int) -> np.ndarray:
    picture = np.zeros((32, 32, 1), np.uint8)
    picture[row * 8 : row * 8 + 8, column * 8 : column * 8 + 8] = 255
    return picture


def test_the_map_is_bright_where_the_class_is_and_nowhere_else(bright_and_dark):
    places = [(0, 0), (1, 3), (3, 2)]
    pictures = np.stack([square_at(*place) for place in places])
    seen = Network(bright_and_dark, (32, 32, 1)).explain(pictures, np.ones(3, int))
    assert seen.maps.shape == (3, 4, 4)
    for map_, place in zip(seen.maps, places, strict=True):
        expected = np.zeros((4, 4))
        expected[place] = 1
        assert map_ == pytest.approx(expected, abs=1e-6)


def test_another_class_has_another_map(bright_and_dark):
    network = Network(bright_and_dark, (32, 32, 1))
    dark = network.explain(square_at(1, 1)[None], np.array([0])).maps[0]
    assert dark[1, 1] == 0
    assert np.delete(dark.ravel(), 5) == pytest.approx(1, abs=1e-6)


def test_probabilities_are_the_networks_own_whatever_the_batch(bright_and_dark):
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 256, (19, 32, 32, 1), np.uint8)
    network = Network(bright_and_dark, (32, 32, 1))
    expected = bright_and_dark(pictures.astype("float32")).numpy()
    assert network.probabilities(pictures) == pytest.approx(expected, abs=1e-6)
    seen = network.explain(pictures, np.zeros(19, int))
    assert seen.probabilities == pytest.approx(expected, abs=1e-6)


def test_a_network_without_a_map_is_not_looked_at():
    pictures = keras.Input((None, None, 1), name="picture", dtype="float32")
    x = keras.layers.Flatten(name="pooling")(keras.layers.Resizing(8, 8, name="resizing")(pictures))
    head = keras.Sequential([keras.Input((64,)), keras.layers.Dense(2)], name="head")
    model = keras.Model(pictures, calibrated(head(x), 1.0))
    seen = Network(model, (32, 32, 1)).explain(square_at(0, 0)[None], np.array([1]))
    assert seen.maps is None
    assert seen.probabilities.shape == (1, 2)


def phantoms(count: int, seed: int):
    """Pairs of a healthy and a sick film of the same chest, with the place of the disease."""
    generator = np.random.default_rng(seed)
    films, lesions, patients = [], [], []
    for _ in range(count):
        severity = float(generator.uniform(0.75, 1))
        patient = dataclasses.replace(draw_patient(generator), severity=severity)
        view = draw_view(generator, 100, 104)
        view = dataclasses.replace(view, leads=False, marker=False)
        for label in ("normal", "bacteria"):
            film, lesion = render(label, patient, view)
            films.append(shrunk(film))
            lesions.append(shrunk(lesion.astype(np.float32)))
        patients.append((patient, view))
    return np.stack(films)[..., None], np.tile([0, 1], count), np.stack(lesions), patients


def shrunk(film: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(film).resize((SIDE, SIDE), Image.Resampling.BOX))


def enlarged(map_: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(map_).resize((SIDE, SIDE), Image.Resampling.BILINEAR))


@pytest.fixture(scope="module")
def reader() -> Network:
    """A small network that has learnt to tell healthy phantoms from bacterial pneumonia."""
    keras.utils.set_random_seed(0)
    layers: list[keras.layers.Layer] = []
    for filters in (16, 32, 32):
        layers += [
            keras.layers.Conv2D(filters, 3, padding="same", use_bias=False),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.ReLU(),
            keras.layers.MaxPool2D(),
        ]
    backbone = keras.Sequential([keras.Input((SIDE, SIDE, 1)), *layers[:-1]], name="backbone")
    head = keras.Sequential([keras.Input((32,)), keras.layers.Dense(2)], name="head")
    network = network_of(backbone, head, SIDE)
    films, labels, _, _ = phantoms(150, seed=0)
    network.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    network.fit(films, labels, batch_size=16, epochs=25, verbose=0)
    return Network(network, (SIDE, SIDE, 1))


@pytest.mark.slow
def test_the_map_lies_on_the_lesion(reader):
    films, labels, lesions, _ = phantoms(20, seed=1)
    sick = labels == 1
    seen = reader.explain(films[sick], labels[sick])
    assert (seen.probabilities.argmax(axis=1) == 1).mean() >= 0.9
    maps = np.stack([enlarged(map_) for map_ in seen.maps])
    maps /= maps.sum(axis=(1, 2), keepdims=True)
    lesions = lesions[sick]
    inside = (maps * lesions).sum(axis=(1, 2))
    # Three times the mass that a map spread evenly over the film would have there.
    assert np.median(inside / lesions.mean(axis=(1, 2))) > 3
    left = maps[:, :, : SIDE // 2].sum(axis=(1, 2)) > 0.5
    lesion_left = lesions[:, :, : SIDE // 2].sum(axis=(1, 2)) > lesions.sum(axis=(1, 2)) / 2
    assert (left == lesion_left).mean() >= 0.9


@pytest.mark.slow
def test_the_map_moves_with_the_lesion(reader):
    _, _, _, patients = phantoms(8, seed=2)
    centres = {}
    for lobe in ("RUL", "LLL"):
        films = [
            shrunk(render("bacteria", dataclasses.replace(patient, lobe=lobe), view)[0])
            for patient, view in patients
        ]
        maps = reader.explain(np.stack(films)[..., None], np.ones(8, int)).maps
        shares = maps / maps.sum(axis=(1, 2), keepdims=True)
        rows, columns = np.mgrid[: maps.shape[1], : maps.shape[2]]
        centres[lobe] = (shares * rows).sum(axis=(1, 2)), (shares * columns).sum(axis=(1, 2))
    # From the film's upper left to its lower right: the patient's right is on the left.
    assert (centres["LLL"][0] > centres["RUL"][0]).mean() >= 0.8
    assert (centres["LLL"][1] > centres["RUL"][1]).mean() >= 0.8


def test_another_head_has_the_same_body_and_the_same_architecture(bright_and_dark):
    """So the backbone's outputs, and the time of a picture, are computed once for both."""
    one = Network(bright_and_dark, (32, 32, 1))
    other_head = keras.models.clone_model(bright_and_dark)
    other_head.set_weights([*bright_and_dark.get_weights()[:-1], np.eye(2, dtype="float32")])
    other = Network(other_head, (32, 32, 1))
    assert one.body_sha256 == other.body_sha256
    assert one.architecture_sha256 == other.architecture_sha256
    outputs = one.outputs(square_at(1, 3)[None])
    found, seen = (
        other.explain_outputs(outputs, np.array([1])),
        other.explain(square_at(1, 3)[None], np.array([1])),
    )
    assert found.probabilities == pytest.approx(seen.probabilities, abs=1e-7)
    assert found.maps == pytest.approx(seen.maps, abs=1e-6)
    assert found.probabilities != pytest.approx(one.explain_outputs(outputs, [1]).probabilities)


def test_another_backbone_or_picture_size_is_another_body(bright_and_dark):
    one = Network(bright_and_dark, (32, 32, 1))
    changed = keras.models.clone_model(bright_and_dark)
    changed.set_weights([w * 2 for w in bright_and_dark.get_weights()])
    other = Network(changed, (32, 32, 1))
    assert one.body_sha256 != other.body_sha256
    assert one.architecture_sha256 == other.architecture_sha256
    assert one.architecture_sha256 != Network(changed, (64, 32, 1)).architecture_sha256


def test_the_same_file_is_the_same_body_whatever_was_loaded_before(bright_and_dark, tmp_path):
    given = keras.Input((None, None, 1), name="original", dtype="float32")
    same_size = keras.Model(given, keras.layers.Resizing(32, 32)(given), name="as_records")
    resizing, *others = bright_and_dark.layers[1:]
    x = resizing(same_size(given))
    for layer in others:
        x = layer(x)
    keras.Model(given, x).save(tmp_path / "model.keras")
    hashes = set()
    for _ in range(3):
        network = Network(load_keras(tmp_path / "model.keras"), (32, 32, 1))
        hashes.add((network.body_sha256, network.architecture_sha256))
    assert len(hashes) == 1
