"""A reduced parameter set: every stage of the DAG, in minutes on two cores.

Run as a script in a clone, it rewrites that clone's `params.yaml` and phantom data set.
"""

import sys
from pathlib import Path
from typing import Any

import yaml

SIDES = {
    "efficientnetv2b0": 32,
    "efficientnetv2b1": 40,
    "efficientnetv2b2": 48,
    "vgg16": 32,
    "efficientnetlite0": 32,
}
SMALLEST_INCEPTION = 75
SEARCHED = "efficientnetv2b0"


def reduce(root: Path, models: tuple[str, ...] | None = None) -> None:
    """Shrink the pictures, the networks' inputs and the epochs of the clone at `root`.

    Args:
        root: a clone of the repository.
        models: the entries to keep; all of them when None.
    """
    path = root / "params.yaml"
    params: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    for name in list(params["models"]):
        if models and name not in models:
            del params["models"][name]
            continue
        entry = params["models"][name]
        entry["image_side"] = SIDES.get(name, SMALLEST_INCEPTION)
        entry["head"]["hidden"] = [32, 16]
        entry["train"]["epochs"] = 3
        if name == SEARCHED:
            space = {"epochs": {"low": 2, "high": 4}, "hidden": [[32, 16], [16]]}
            entry["tune"] = {"trials": 3, "space": space}
    params["logistic"]["tune"]["trials"] = 2
    params["random_forest"]["tune"] = {"trials": 2, "space": {"trees": [20, 40]}}
    params["tfrecord"]["image_side"] = 80
    params["random_forest"]["trees"] = 40
    params["folds"].update(repeats=2, trees=20)
    params["descriptor_forest"]["trees"] = 20
    params["evaluate"].update(bootstrap=200, gallery=4, grad_cam=1)
    path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")

    phantom = root / "datasets/phantom.yaml"
    described: dict[str, Any] = yaml.safe_load(phantom.read_text(encoding="utf-8"))
    described.update(pictures=90, min_side=96, max_side=128)
    phantom.write_text(yaml.safe_dump(described, sort_keys=False), encoding="utf-8")


if __name__ == "__main__":
    reduce(Path.cwd(), tuple(sys.argv[1:]) or None)
