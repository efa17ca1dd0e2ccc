import pandas as pd
import pytest

from bakeoff.report.terminal import show_comparison
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import write_json


def test_the_conclusions_stand_above_the_numbers(tmp_path, capsys):
    row = {"model": "a", "weights": "imagenet", "accuracy": 0.9, "accuracy_low": 0.8}
    pd.DataFrame([row]).to_csv(tmp_path / "comparison.csv", index=False)
    said = ["A tie: a and b[0].", "Recommended: a.", f"{'x ' * 38}its error is 9 % or so."]
    write_json(tmp_path / "evidence.json", {"verdict": said})
    show_comparison(tmp_path)
    text = capsys.readouterr().out
    assert text.startswith("A tie: a and b[0].\n\n- Recommended: a.\n")
    assert "is\n  9 % or so" in text
    assert text.index("Recommended") < text.index("accuracy") < text.index("0.900 (0.80-")


def test_without_a_comparison_the_command_is_named(tmp_path):
    with pytest.raises(BakeoffError, match="dvc repro"):
        show_comparison(tmp_path)
