from bakeoff.serve.best_model import about
from tests.tiny_repository import repository, write_forest, write_model

__all__ = ["repository"]


def test_a_model_says_that_its_weights_are_random(repository):
    folder = write_model(repository, "vgg16")
    warning = "its backbone has random weights in the place of pretrained ones"
    assert about(folder) == {"model": "vgg16", "warning": warning}
    assert about(write_forest(repository)) == {"model": "random_forest"}
