"""Clocked facts are filed under what they describe."""

from bakeoff.runtime import journal


def test_facts_come_back_under_their_key_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    journal.record("fits", "abc", {"fit_seconds": 1.5})
    assert journal.lookup("fits", "abc") == {"fit_seconds": 1.5}
    assert journal.lookup("fits", "other") == {}
    assert journal.lookup("features", "abc") == {}


def test_a_damaged_entry_counts_as_unknown(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    journal.record("fits", "abc", {"fit_seconds": 1.5})
    (tmp_path / "mlruns/journal/fits/abc.json").write_text('{"fit_')
    assert journal.lookup("fits", "abc") == {}


def test_a_journal_that_cannot_be_written_costs_the_seconds_alone(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    (tmp_path / "mlruns").write_text("a file where the folder should be")
    journal.record("fits", "abc", {"fit_seconds": 1.5})
    assert "the measured seconds are not stored" in caplog.text
