"""The rules of the house: who may import whom, and what only one package does."""

from pathlib import Path

import grimp
import pytest

# From top to bottom; a package imports only those in the rows below its own.
LAYERS = (
    ("cli",),
    ("doctor",),
    ("tracking",),
    ("serve",),
    ("report",),
    ("evaluate",),
    ("test_side",),
    ("folds",),
    ("tune",),
    ("train", "baselines"),
    ("features",),
    ("tfrecord", "adopt"),
    ("augment", "sort"),
    ("ingest",),
    ("pictures", "split"),
    ("scoring",),
    ("params",),
    ("runtime",),
)
ONLY_IN = {
    "matplotlib": {"report", "runtime.tf"},  # runtime.tf keeps Keras from importing it
    "mlflow": {"tracking", "serve.mlflow_model"},  # the loader that MLflow itself calls
    "tensorflow": {"features", "train", "tune", "test_side", "serve", "runtime.tf", "tfrecord"},
    "keras": {"features", "train", "tune", "test_side", "serve", "runtime.tf"},
}


@pytest.fixture(scope="module")
def house() -> grimp.ImportGraph:
    return grimp.build_graph(
        "bakeoff",
        include_external_packages=True,
        exclude_type_checking_imports=True,
        cache_dir=None,
    )


def layers() -> list[set[str]]:
    return [set(row) for row in LAYERS]


def upward_imports(house: grimp.ImportGraph) -> list[str]:
    broken = house.find_illegal_dependencies_for_layers(layers(), containers={"bakeoff"})
    return sorted(f"{b.importer} -> {b.imported}" for b in broken)


def strangers(house: grimp.ImportGraph, library: str) -> set[str]:
    """Modules that import `library` although their package may not."""
    allowed = tuple(f"bakeoff.{name}" for name in ONLY_IN[library])
    importers = house.find_modules_that_directly_import(library)
    return {m for m in importers if not f"{m}.".startswith(tuple(f"{a}." for a in allowed))}


def test_nobody_imports_upwards(house):
    assert upward_imports(house) == []


def test_an_upward_import_is_found(house):
    spoilt = grimp.build_graph(
        "bakeoff",
        include_external_packages=True,
        exclude_type_checking_imports=True,
        cache_dir=None,
    )
    spoilt.add_import(importer="bakeoff.split.leakage", imported="bakeoff.report.page")
    assert upward_imports(spoilt) == ["bakeoff.split -> bakeoff.report"]


def test_every_module_has_a_room():
    source = Path(__file__).parents[1] / "src/bakeoff"
    loose = {p.stem for p in source.glob("*.py")}
    rooms = {p.parent.name for p in source.glob("*/__init__.py")}
    assert loose == {"__init__"}
    assert rooms == set().union(*layers())


@pytest.mark.parametrize("library", ONLY_IN)
def test_only_some_packages_import(house, library):
    assert house.find_modules_that_directly_import(library)
    assert strangers(house, library) == set()


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_stranger_that_imports_is_found(library):
    spoilt = grimp.build_graph(
        "bakeoff",
        include_external_packages=True,
        exclude_type_checking_imports=True,
        cache_dir=None,
    )
    spoilt.add_import(importer="bakeoff.split.dealing", imported=library)
    assert strangers(spoilt, library) == {"bakeoff.split.dealing"}
