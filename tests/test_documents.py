"""The documents name files, links and targets that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")])
WALK = re.compile(r"^\d+\. `([a-z_/]+\.py)`", re.MULTILINE)


def _anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    kept = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.strip().replace(" ", "-") for heading in kept}


def _broken(document: Path) -> list[str]:
    """Relative links of a document whose file or heading does not exist."""
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = document.parent / name if name else document
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    assert not _broken(document)


def test_a_broken_link_is_found(tmp_path):
    (tmp_path / "there.md").write_text("# A heading\n", encoding="utf-8")
    page = tmp_path / "page.md"
    page.write_text("[a](there.md#a-heading) [b](there.md#no) [c](gone.md)", encoding="utf-8")
    assert _broken(page) == ["there.md#no", "gone.md"]


def test_each_walk_visits_existing_modules_once():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## A newcomer's walk")[1]
    walks = [WALK.findall(walk) for walk in text.split("\n**")[1:]]
    assert [len(walk) > 5 for walk in walks] == [True, True, True]
    for walk in walks:
        assert len(set(walk)) == len(walk)
        assert [m for m in walk if not (ROOT / "src/bakeoff" / m).is_file()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_make_targets_exist(document):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    text = document.read_text(encoding="utf-8")
    named = re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)
    assert set(named) <= targets
