import pytest

from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import write_json
from bakeoff.test_side.candidates import read_candidates

LISTS = {"classes": ["a", "b"], "train_ids_sha256": "1" * 64, "val_ids_sha256": "2" * 64}


def write(models, name, **facts):
    write_json(models / name / "metadata.json", {"kind": "head"} | LISTS | facts)


def test_models_come_in_the_order_asked_for_and_skipped_ones_are_left_out(tmp_path):
    write(tmp_path, "b")
    write(tmp_path, "a")
    write_json(tmp_path / "logistic_c" / "metadata.json", {"skipped": "from scratch"})
    write(tmp_path, "left_behind", train_ids_sha256="9" * 64)
    found = read_candidates(tmp_path, ["b", "logistic_c", "a"])
    assert [c.name for c in found] == ["b", "a"]


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(BakeoffError, match=r"vgg16/metadata.json: no such model; run `dvc repro`"):
        read_candidates(tmp_path, ["vgg16"])


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("train_ids_sha256", "different training pictures"),
        ("val_ids_sha256", "different validation pictures"),
        ("classes", "different classes"),
    ],
)
def test_models_trained_on_other_pictures_are_not_compared(key, words, tmp_path):
    write(tmp_path, "a")
    write(tmp_path, "b")
    write(tmp_path, "c", **{key: ["x", "y"] if key == "classes" else "f" * 64})
    with pytest.raises(BakeoffError, match=rf"models/c and models/a have {words}"):
        read_candidates(tmp_path, ["a", "b", "c"])


def test_who_stands_on_whose_features(tmp_path):
    write(tmp_path, "vgg16")
    write(tmp_path, "logistic_vgg16", kind="logistic")
    write(tmp_path, "random_forest", kind="forest")
    write(tmp_path, "cnn", kind="from_scratch", weights={"kind": "random", "fallback": False})
    names = ["vgg16", "logistic_vgg16", "random_forest", "cnn"]
    found = {c.name: c for c in read_candidates(tmp_path, names)}
    assert found["vgg16"].features == found["logistic_vgg16"].features == "vgg16"
    assert found["random_forest"].features is None
    assert found["cnn"].features is None
