from pathlib import Path

from tests.cli.running import run
from tests.tiny_repository import repository

__all__ = ["repository"]


def test_check_finds_a_mistake_in_any_block(repository):
    assert run("check").exit_code == 0
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("image_side: 299", "image_side: 20"))
    result = run("check")
    assert result.exit_code == 1
    assert "models.inceptionv3" in result.stderr
    Path("params.yaml").write_text(text.replace("relu, gelu, tanh", "relu, gelu, tan"))
    assert "'tune.space.activation' may not be 'tan'" in run("check").stderr
    Path("params.yaml").write_text(text.replace("bootstrap: 20000", "bootstrap: 1"))
    assert "evaluate.bootstrap" in run("check").stderr
    Path("params.yaml").write_text(text.replace("dataset: phantom", "dataset: unicorns"))
    assert "unicorns" in run("check").stderr


def test_the_doctor_says_what_to_do(repository):
    result = run("doctor")
    assert result.exit_code == 1
    assert "ok    parameters" in result.output
    assert "-> " in result.output
    assert "rwlock" not in result.output


def test_the_doctor_knows_what_a_full_disk_does_to_dvcs_lock(repository):
    lock = repository / ".dvc/tmp/rwlock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    result = run("doctor")
    assert ".dvc/tmp/rwlock is damaged" in result.output
    lock.write_text("{}")
    assert "rwlock" not in run("doctor").output
