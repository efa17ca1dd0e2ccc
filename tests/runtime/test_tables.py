"""One function reads every table, and a name in it stays what it was written as."""

import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.tables import read_csv, read_table, write_table

ROOT = Path(__file__).parents[2]
MISSING = ["NA", "None", "null", "nan", "<NA>", "N/A", "", "NULL", "NaN", "#N/A", "-nan", "n/a"]
NUMBERS = ["010", "1.10", "1e5", "True", "no", "2024-01-01", "12:30", "inf", "1_000"]


def test_no_other_module_reads_a_csv():
    readers = re.compile(r"\bpd\.read_(csv|table|excel)\b|\bfrom pandas import read")
    found = {
        path.relative_to(ROOT).as_posix(): set(readers.findall(path.read_text(encoding="utf-8")))
        for folder in ("src", "stages", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        if readers.search(path.read_text(encoding="utf-8"))
    }
    assert found.pop("src/bakeoff/ingest/text_tables.py") == {"excel"}  # which makes CSV of it
    assert set(found) == {"src/bakeoff/runtime/tables.py"}


@pytest.mark.parametrize("column", ["label", "predicted", "group", "model", "image_id", "true"])
def test_names_that_pandas_takes_for_missing_or_numbers_stay_text(tmp_path, column):
    names = MISSING + NUMBERS
    path = tmp_path / "t.csv"
    write_table(pd.DataFrame({column: names, "score": range(len(names))}), path)
    table = read_csv(path)
    assert table[column].tolist() == names
    assert table["score"].tolist() == list(range(len(names)))


def test_an_empty_number_is_missing():
    table = read_csv(io.BytesIO(b"model,score,rank\nNA,,1\nb,nan,2\nc,0.25,3\n"))
    np.testing.assert_array_equal(table["score"], [np.nan, np.nan, 0.25])
    assert table["rank"].dtype == np.int64
    assert table["model"].tolist() == ["NA", "b", "c"]


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc"))), min_size=1))
def test_any_class_name_comes_back(labels):
    stream = io.BytesIO()
    pd.DataFrame({"label": labels, "path": "x"}).to_csv(stream, index=False)
    stream.seek(0)
    assert read_csv(stream)["label"].tolist() == labels


def test_a_trailing_comma_shifts_no_column():
    table = read_csv(io.BytesIO(b"path,label\n1.jpg,cat,\n2.jpg,dog,\n"), all_text=True)
    assert table.to_dict("list") == {"path": ["1.jpg", "2.jpg"], "label": ["cat", "dog"]}


def test_a_number_that_is_none_is_reported(tmp_path):
    (tmp_path / "t.csv").write_text("label,seed\nNA,x\n")
    with pytest.raises(BakeoffError, match=r"t\.csv: not the expected table"):
        read_table(tmp_path / "t.csv", ("label", "seed"))
