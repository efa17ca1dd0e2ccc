"""Note what code each stage uses; a stage runs again when its own note has changed."""

from bakeoff.runtime.stage import run_stage

from pathlib import Path

from bakeoff.runtime.files import write_json, writing_folder
from bakeoff.runtime.fingerprints import fingerprint
from bakeoff.runtime.layout import FINGERPRINTS


def main() -> None:
    scripts = sorted(Path("stages").glob("*.py"))
    with writing_folder(FINGERPRINTS) as folder:
        for script in scripts:
            write_json(folder / f"{script.stem}.json", fingerprint(script, Path()))
    print(f"fingerprint: {len(scripts)} stages, each with the modules that it imports")


if __name__ == "__main__":
    run_stage("fingerprint", main)
