"""`compose.yaml` and `Dockerfile`: what can be checked of them without a Docker daemon."""

import configparser
import json
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
COMPOSE = ROOT / "compose.yaml"
VARIABLE = re.compile(r"\$\{(\w+)(?::[?-][^}]*)?\}")
SERVICE_KEYS = {  # of the Compose specification, as far as they are used
    *("image", "build", "command", "environment", "volumes", "configs", "ports"),
    *("depends_on", "healthcheck", "restart"),
}
INSTRUCTION = re.compile(r"^([A-Z]+) ((?:.*\\\n)*.*)$", re.MULTILINE)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def dockerfile() -> list[tuple[str, str]]:
    """Its instructions, in order."""
    return INSTRUCTION.findall((ROOT / "Dockerfile").read_text(encoding="utf-8"))


def test_the_keys_are_those_of_the_compose_specification(compose):
    assert set(compose) == {"services", "configs", "volumes"}
    for service in compose["services"].values():
        assert set(service) <= SERVICE_KEYS
        assert ("image" in service) != ("build" in service)


def test_services_volumes_and_configs_that_are_named_exist(compose):
    services = compose["services"]
    named = {volume.split(":")[0] for s in services.values() for volume in s.get("volumes", [])}
    assert named == set(compose["volumes"])
    configs = {config["source"] for s in services.values() for config in s.get("configs", [])}
    assert configs == set(compose["configs"])
    for service in services.values():
        for other, how in service.get("depends_on", {}).items():
            assert (how["condition"] == "service_healthy") == ("healthcheck" in services[other])
    mlflow = services["mlflow"]["environment"]
    assert mlflow["AWS_ENDPOINT_URL"] == "http://s3:9000"
    assert "@postgres/" in mlflow["MLFLOW_BACKEND_STORE_URI"]


def test_images_have_a_version(compose, dockerfile):
    images = [s["image"] for s in compose["services"].values() if "image" in s]
    images += [rest for name, rest in dockerfile if name == "FROM"]
    images += re.findall(r"--from=(\S+)", "\n".join(rest for _, rest in dockerfile))
    assert len(images) == 5
    assert all(re.fullmatch(r"[\w./-]+:\d[\w.-]+", image) for image in images)


def test_every_secret_comes_from_the_file_that_git_does_not_know(compose):
    text = COMPOSE.read_text(encoding="utf-8")
    page = (ROOT / "docs/team.md").read_text(encoding="utf-8").split("## As containers")[1]
    assert {name for name in VARIABLE.findall(text) if f"`{name}`" not in page} == set()
    for name, value in compose["services"]["mlflow"]["environment"].items():
        if re.search("PASSWORD|SECRET|KEY", name):
            assert VARIABLE.fullmatch(value), name
    for ignored in (".gitignore", ".dockerignore"):
        assert {".env", "/.env"} & set((ROOT / ignored).read_text().splitlines())


def test_accounts_and_server_are_those_of_the_page(compose):
    """The page's commands are run by `tests/test_team.py`; these files repeat them."""
    page = (ROOT / "docs/team.md").read_text(encoding="utf-8")
    written = configparser.ConfigParser()
    written.read_string(re.findall(r"<<'END'\n(.*?)END\n", page, re.DOTALL)[0])
    ours = configparser.ConfigParser(interpolation=None)
    ours.read_string(compose["configs"]["accounts"]["content"])
    differing = {k for k, v in ours["mlflow"].items() if written["mlflow"].get(k) != v}
    assert differing == {"database_uri"}
    assert set(ours["mlflow"]) == set(written["mlflow"])
    options = {word.partition("=")[0] for word in compose["services"]["mlflow"]["command"][2:]}
    (command,) = re.findall(r"^mlflow server (.*?)&$", page, re.DOTALL | re.MULTILINE)
    assert options == set(re.findall(r"--[a-z-]+", command)) - {"--backend-store-uri"}
    exported = set(re.findall(r"export (MLFLOW_\w+)|\b(MLFLOW_AUTH_\w+)=", page.split("## One")[0]))
    names = {name for pair in exported for name in pair if name}
    assert names <= set(compose["services"]["mlflow"]["environment"])


def test_the_image_is_locked_and_not_root(dockerfile):
    names = [name for name, _ in dockerfile]
    user = names.index("USER")
    assert dict(dockerfile)["USER"] not in ("root", "0")
    assert names.count("USER") == 1
    syncs = [(i, rest) for i, (name, rest) in enumerate(dockerfile) if "uv sync" in rest]
    assert len(syncs) == 2
    assert all(i > user and name == "RUN" for i, _ in syncs for name in [names[i]])
    assert all("--locked" in rest and "--group server" in rest for _, rest in syncs)
    assert isinstance(json.loads(dict(dockerfile)["CMD"]), list)
    assert {name for name in names} <= {"FROM", "COPY", "RUN", "USER", "WORKDIR", "ENV", "CMD"}


def test_what_the_image_copies_exists_and_is_not_ignored(dockerfile):
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = [rest.split() for name, rest in dockerfile if name == "COPY" and "--from" not in rest]
    files = [word for words in copied for word in words[:-1] if not word.startswith("--")]
    assert "uv.lock" in files
    for name in files:
        assert (ROOT / name).exists(), name
        assert not any(fnmatch(name, line) for line in ignored)
    for kept in ("src", "stages", "dvc.yaml", "dvc.lock", "params.yaml", ".dvc"):
        assert kept not in ignored
