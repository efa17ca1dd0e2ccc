"""Measure how many swapped labels of a folder data set `reports/label_errors.csv` finds.

    python benchmarks/swapped_labels.py swap images.tar data/external/images.tar
    uv run dvc repro
    python benchmarks/swapped_labels.py count images.tar data/external/images.tar

`swap` writes a copy of an archive `…/<class>/<picture>` in which 5 % of the pictures (`--share`,
chosen by `--seed`) are in the folder of another class. `count` compares the report's list with it.
"""

import argparse
import tarfile
from pathlib import Path, PurePosixPath

import numpy as np

from bakeoff.runtime.layout import MANIFEST
from bakeoff.runtime.tables import read_csv

LABEL_ERRORS = Path("reports/label_errors.csv")
SHOWN = (20, 50, 100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("action", choices=["swap", "count"])
    parser.add_argument("original", type=Path)
    parser.add_argument("swapped", type=Path)
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=20)
    asked = parser.parse_args()
    if asked.action == "swap":
        swap(asked.original, asked.swapped, asked.share, asked.seed)
    else:
        count(asked.original, asked.swapped)


def swap(original: Path, swapped: Path, share: float, seed: int) -> None:
    """Write the archive with a share of its pictures in the folder of another class."""
    generator = np.random.default_rng(seed)
    with tarfile.open(original) as source, tarfile.open(swapped, "w") as target:
        pictures = sorted((m for m in source if m.isfile()), key=lambda m: m.name)
        folders = sorted({PurePosixPath(m.name).parent for m in pictures})
        chosen = generator.choice(len(pictures), round(share * len(pictures)), replace=False)
        for number, member in enumerate(pictures):
            content = source.extractfile(member)
            if number in chosen:
                path = PurePosixPath(member.name)
                others = [folder for folder in folders if folder != path.parent]
                member.name = str(others[generator.integers(len(others))] / path.name)
            target.addfile(member, content)
    print(f"{len(chosen)} of {len(pictures)} pictures are in the folder of another class")


def count(original: Path, swapped: Path) -> None:
    """Print how many of the first suspected labels are swapped ones."""
    before, after = (folder_of_each(archive) for archive in (original, swapped))
    wrong = {name for name, folder in after.items() if folder != before[name]}
    manifest = read_csv(MANIFEST, all_text=True).set_index("image_id")["source"]
    suspects = read_csv(LABEL_ERRORS, all_text=True)["image_id"]
    found = np.array([PurePosixPath(manifest[i]).name in wrong for i in suspects])
    for first in (*SHOWN, len(found)):
        print(
            f"first {first} of {len(found)} suspects: {found[:first].sum()} of {len(wrong)} swapped"
        )


def folder_of_each(archive: Path) -> dict[str, str]:
    """The class folder of every picture, by its file name."""
    with tarfile.open(archive) as source:
        paths = [PurePosixPath(member.name) for member in source if member.isfile()]
    return {path.name: path.parent.name for path in paths}


if __name__ == "__main__":
    main()
