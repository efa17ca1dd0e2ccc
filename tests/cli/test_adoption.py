"""The command as it is typed."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from typer.testing import Result

from bakeoff.params.block import read_key
from bakeoff.params.dataset_files import read_chosen_dataset
from bakeoff.params.datasets import Archived
from bakeoff.runtime.files import sha256_of_file
from tests.adopt import layouts
from tests.adopt.test_adopting import repository
from tests.cli.running import run

__all__ = ["repository"]


def adopt(*arguments: object) -> Result:
    return run("adopt", *arguments)


def test_it_says_what_it_found_and_writes_with_yes(repository: Path, tmp_path: Path) -> None:
    result = adopt(layouts.seg_pred(tmp_path), "--yes", "--name", "scenes")
    assert result.exit_code == 0
    for sentence in (
        "'seg_test/seg_test/cat/0.png' is 'cat'",
        "20 of 20 names matched: 10 train, 10 test",
        "6 files, such as 'seg_pred/seg_pred/0.png' (by /seg_pred/*)",
        "wrote datasets/scenes.yaml; set dataset: scenes in params.yaml",
        "next: uv run dvc repro",
    ):
        assert sentence in result.output
    assert read_key("dataset") == "scenes"
    page = Path("reports/adopt/scenes.html").read_text(encoding="utf-8")
    assert page.count("<img alt=") == 16  # eight of each class
    assert "20 of 20 names matched" in page


def test_what_is_at_an_address_is_fetched_and_its_hash_noted(
    repository: Path, tmp_path: Path
) -> None:
    archive = layouts.sides_in_zip(tmp_path)
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/mine.zip"
        result = adopt(address, "--yes")
        server.shutdown()
    assert result.exit_code == 0, result.output
    name, dataset = read_chosen_dataset()
    assert isinstance(dataset, Archived)
    assert (name, dataset.archive, dataset.url) == ("mine", "data/external/mine.zip", address)
    assert dataset.sha256 == sha256_of_file(archive)
    refused = adopt("https://user:secret@host/x.zip")
    assert "must hold no login" in refused.stderr
    assert "secret@" not in refused.output
    assert adopt("ftp://host/x.zip").stderr.count("only http, https, s3, gs, az, hf are") == 1


def test_without_a_terminal_and_yes_nothing_is_written(repository: Path, tmp_path: Path) -> None:
    result = adopt(layouts.class_folders(tmp_path))
    assert result.exit_code == 1
    assert "nothing is written, because there is no terminal to ask" in result.stderr
    assert "classes    2, 16 pictures" in result.stdout
    assert not list(Path("datasets").iterdir())
    assert read_key("dataset") == "phantom"


def test_an_ambiguous_layout_wants_a_reading(repository: Path, tmp_path: Path) -> None:
    place = layouts.superclasses(tmp_path)
    result = adopt(place, "--yes")
    assert result.exit_code == 1
    assert "ambiguous" in result.stderr
    assert adopt(place, "--yes", "--reading", 3).exit_code == 1
    assert adopt(place, "--yes", "--reading", 2).exit_code == 0


def test_outside_a_repository_it_says_so(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "run this in the repository's root" in adopt(tmp_path).stderr
