"""The rules of the house: who may import whom, and what only one package does."""

import ast
import graphlib
from pathlib import Path

import grimp
import pytest

SOURCE = Path(__file__).parents[1] / "src/bakeoff"

# From top to bottom; a package imports only those in the rows below its own.
LAYERS = (
    ("cli",),
    ("doctor",),
    ("tracking",),
    ("export",),
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
    # `export` converts Keras networks, and has the runtimes of other formats beside them.
    "tensorflow": {
        "features",
        "train",
        "tune",
        "test_side",
        "serve",
        "export",
        "runtime.tf",
        "tfrecord",
    },
    "keras": {"features", "train", "tune", "test_side", "serve", "export", "runtime.tf"},
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
    loose = {p.stem for p in SOURCE.glob("*.py")}
    rooms = {p.parent.name for p in SOURCE.glob("*/__init__.py")}
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


def circle(house: grimp.ImportGraph) -> list[str]:
    """The modules of a circle of imports; none without one."""
    imports = {m: house.find_modules_directly_imported_by(m) for m in house.modules}
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_no_imports_go_in_a_circle():
    house = grimp.build_graph("bakeoff", exclude_type_checking_imports=True, cache_dir=None)
    assert circle(house) == []
    house.add_import(importer="bakeoff.runtime.errors", imported="bakeoff.runtime.files")
    house.add_import(importer="bakeoff.runtime.files", imported="bakeoff.runtime.errors")
    assert set(circle(house)) == {"bakeoff.runtime.errors", "bakeoff.runtime.files"}


def naming_the_test_side(package: str) -> list[str]:
    """Modules in which the word `test` stands alone as text, as where a side is opened."""
    found = []
    for path in sorted((SOURCE / package).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(isinstance(n, ast.Constant) and n.value == "test" for n in ast.walk(tree)):
            found.append(path.stem)
    return found


@pytest.mark.parametrize("package", ["train", "tune", "baselines", "features"])
def test_what_fits_and_searches_does_not_open_the_test_side(package):
    assert naming_the_test_side(package) == []


def test_where_the_test_side_is_opened_is_found():
    assert {"probabilities", "repeats"} <= set(naming_the_test_side("test_side"))


def test_no_module_is_long():
    lines = {p.name: len(p.read_text(encoding="utf-8").splitlines()) for p in SOURCE.rglob("*.py")}
    assert {name: n for name, n in lines.items() if n > 250 and name != "__init__.py"} == {}
