"""The page of parameters follows the models that check them."""

from pathlib import Path

from bakeoff.params.meanings import MEANINGS
from bakeoff.params.reference_page import PAGE, parameters_page

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_the_models_say() -> None:
    written = (ROOT / PAGE).read_text(encoding="utf-8")
    assert written == parameters_page(), "outdated: run `python -m bakeoff.params.reference_page`"


def test_rows_give_values_range_default_and_meaning() -> None:
    page = parameters_page()
    assert (
        "| `defaults.train.momentum` | a number of at least 0 and below 1 | `0.9` | The momentum of"
        in page
    )
    assert (
        "| `sort.limit_classes` | a whole number of at least 2, or `null` | `null` | Only the n"
        in page
    )
    assert (
        "| `models.<name>.image_side` | a whole number from 8 to 4096 | required | The side"
        not in page
    )
    assert (
        "| `defaults.head.hidden` | a list of whole numbers from 1 to 65536 | `[1024, 512]` |"
        in page
    )


def test_no_meaning_is_left_of_a_parameter_that_is_gone(monkeypatch) -> None:
    used: set[str] = set()

    class Watched(dict[str, str]):
        def __getitem__(self, key: str) -> str:
            used.add(key)
            return super().__getitem__(key)

    monkeypatch.setattr("bakeoff.params.reference_page.MEANINGS", Watched(MEANINGS))
    parameters_page()
    assert set(MEANINGS) - used == set()


def test_every_meaning_is_a_sentence() -> None:
    assert [m for m in MEANINGS.values() if m[-1] != "." or len(m.split()) < 4] == []
