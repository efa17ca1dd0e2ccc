"""What the gate knows of the test pictures."""

from pathlib import Path

import numpy as np

from bakeoff.tracking.gate import group_numbers


def test_exact_duplicates_on_the_test_side_are_counted_once_each(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("data/splits").mkdir(parents=True)
    Path("data/splits/test.csv").write_text(
        "image_id,path,group\na,1.png,p1\nb,2.png,p2\na,3.png,p1\nc,4.png,p1\n"
    )
    numbers = group_numbers(np.array(["c", "a", "b", "a"]))
    assert numbers.tolist() == [0, 0, 1, 0]
