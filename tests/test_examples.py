"""The examples in docstrings run and print what they say."""

import doctest
import importlib
import inspect
import io
import pkgutil

import pytest

PACKAGES = ("adopt", "scoring", "split", "evaluate", "pictures")
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def _modules() -> list[str]:
    found = []
    for package in PACKAGES:
        path = importlib.import_module(f"bakeoff.{package}").__path__
        found += [f"bakeoff.{package}.{module.name}" for module in pkgutil.iter_modules(path)]
    return sorted(found)


def _failures(tests: list[doctest.DocTest]) -> str:
    printed = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    for test in tests:
        runner.run(test, out=printed.write)
    return printed.getvalue()


@pytest.mark.parametrize("name", _modules())
def test_examples_print_what_they_say(name):
    tests = doctest.DocTestFinder().find(importlib.import_module(name))
    failures = _failures(tests)
    assert not failures, failures


def test_a_wrong_example_fails():
    (wrong,) = doctest.DocTestFinder().find(
        type("Wrong", (), {"__doc__": ">>> 1 + 1\n3\n", "__module__": __name__}), "wrong"
    )
    assert "Expected:\n    3\nGot:\n    2" in _failures([wrong])


def test_at_least_twenty_public_functions_have_an_example():
    shown = [
        f"{name}.{function.__name__}"
        for name in _modules()
        for _, function in inspect.getmembers(importlib.import_module(name), inspect.isfunction)
        if function.__module__ == name
        and not function.__name__.startswith("_")
        and ">>> " in (function.__doc__ or "")
    ]
    assert len(shown) >= 20, shown
