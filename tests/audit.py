"""Whether the locked dependencies have known vulnerabilities: `make audit`.

Exit status 1 where there are some, 2 where the advisory database says nothing about a package,
which must not be taken for good news.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SERVICES = ("pypi", "osv")


def locked(uv: str) -> str:
    """Every dependency at its locked version, with the hashes of its files."""
    export = [uv, "export", "--locked", "--quiet", "--no-emit-project"]
    return subprocess.run(export, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def without_hash(requirements: str) -> list[str]:
    """The names of packages that are pinned by version alone."""
    whole = requirements.replace("\\\n", " ").splitlines()
    pins = [line for line in whole if re.match(r"[A-Za-z0-9]", line)]
    return [line.split("==")[0] for line in pins if "--hash=sha256:" not in line]


def ask(uv: str, requirements: Path, service: str) -> list[dict] | str:
    """What `pip-audit` says of each package, or why it says nothing."""
    command = [uv, "tool", "run", "--quiet", "pip-audit", "--vulnerability-service", service]
    command += ["--require-hashes", "--disable-pip", "--progress-spinner=off", "--format=json"]
    done = subprocess.run(
        [*command, "--requirement", str(requirements)], capture_output=True, text=True, check=False
    )
    try:
        return json.loads(done.stdout)["dependencies"]
    except ValueError:
        return (done.stderr.strip().splitlines() or ["no answer"])[-1][:200]


def main() -> None:
    """Print what is known, and end with the status that says it."""
    uv = sys.argv[1]
    requirements = locked(uv)
    if loose := without_hash(requirements):
        sys.exit(f"without a hash in uv.lock: {', '.join(loose)}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "requirements.txt"
        path.write_text(requirements)
        for service in SERVICES:
            said = ask(uv, path, service)
            if isinstance(said, list) and not any("skip_reason" in entry for entry in said):
                break
            why = said if isinstance(said, str) else "it does not know the packages"
            print(f"the advisory database '{service}' could not be asked: {why}")
        else:
            print("NOT AUDITED: versions and hashes are locked, but nobody said they are safe")
            sys.exit(2)
    bad = [(e["name"], e["version"], v["id"]) for e in said for v in e["vulns"]]
    for name, version, identifier in bad:
        print(f"{name} {version}: {identifier}")
    print(f"{len(said)} packages asked about, {len(bad)} known vulnerabilities")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
