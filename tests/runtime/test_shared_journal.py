import json
import shutil
import subprocess
import sys

import pytest

from bakeoff.runtime import journal
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.shared_journal import pull_journal, push_journal

MODEL, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def ann_and_ben(tmp_path, monkeypatch):
    """Two folders with DVC, and a remote that both name."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    ann, ben = tmp_path / "ann", tmp_path / "ben"
    ann.mkdir()
    dvc = [sys.executable, "-m", "dvc"]
    for command in ("init --no-scm --quiet", "remote add --quiet --default team ../remote"):
        subprocess.run([*dvc, *command.split()], cwd=ann, check=True)
    shutil.copytree(ann, ben)
    return ann, ben


def test_measurements_travel_and_own_ones_stay(ann_and_ben, monkeypatch):
    ann, ben = ann_and_ben
    monkeypatch.chdir(ann)
    journal.record("fits", MODEL, {"fit_seconds": 1.5})
    journal.record("features", MODEL, {"feature_seconds": 3.0})
    journal.record("stages", "train@vgg16", {"seconds": 9.0})
    assert push_journal() == 2
    assert push_journal() == 0
    monkeypatch.chdir(ben)
    journal.record("fits", MODEL, {"fit_seconds": 2.5})
    journal.record("fits", OTHER, {"fit_seconds": 4.0})
    assert pull_journal() == 1
    assert journal.lookup("features", MODEL) == {"feature_seconds": 3.0}
    assert journal.lookup("fits", MODEL) == {"fit_seconds": 2.5}
    assert journal.lookup("stages", "train@vgg16") == {}
    assert push_journal() == 1
    monkeypatch.chdir(ann)
    assert pull_journal() == 1
    assert journal.lookup("fits", OTHER) == {"fit_seconds": 4.0}
    assert journal.lookup("fits", MODEL) == {"fit_seconds": 1.5}


def test_only_names_of_the_journal_are_fetched(ann_and_ben, monkeypatch):
    ann, _ = ann_and_ben
    monkeypatch.chdir(ann)
    for name in ("fits/x.json", f"hooks/{MODEL}.json", f"fits/{MODEL}.py"):
        path = ann.parent / "remote/bakeoff-journal" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({}))
    assert pull_journal() == 0
    assert not (ann / "mlruns/journal").exists()


def test_a_missing_remote_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"], check=True)
    with pytest.raises(BakeoffError, match="no remote") as raised:
        push_journal()
    assert "\n" not in str(raised.value)
