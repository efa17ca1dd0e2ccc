"""A few raw files, as ingestion would have written them."""

from pathlib import Path

from bakeoff.ingest.raw_files import FILES, reading_raw_files, writing_raw_files


def fill(raw: Path, files: dict[str, bytes]) -> None:
    """Put these files beside, or in the place of, those in the folder `raw`."""
    known = contents(raw) if (raw / FILES).exists() else {}
    raw.mkdir(parents=True, exist_ok=True)
    with writing_raw_files(raw) as create:
        for name, content in {**known, **files}.items():
            with create(name) as file:
                file.write(content)


def contents(raw: Path) -> dict[str, bytes]:
    """Every raw file by its name, sorted."""
    with reading_raw_files(raw) as files:
        return {name: files.read(name) for name in files.names()}
