"""Choose the model to predict with if none is named."""

from pathlib import Path

from bakeoff.params.block import PARAMS
from bakeoff.runtime.errors import BakeoffError
from bakeoff.runtime.files import read_json
from bakeoff.runtime.layout import MODELS, REPORTS
from bakeoff.runtime.tables import read_csv
from bakeoff.serve.predictor import can_predict


def chosen_model(name: str | None, *, with_map: bool = False) -> Path:
    """The folder of the model `name`, or of the best one in the comparison that can predict.

    `name` None means the best; `with_map` leaves out forests, which no map explains.

    Raises:
        BakeoffError: the model does not exist, or there is no comparison to choose from.
    """
    known = sorted(p.parent.name for p in MODELS.glob("*/metadata.json"))
    if not known and not PARAMS.is_file():
        raise BakeoffError(f"{PARAMS}: no such file; run this in the repository's root")
    if not known:
        raise BakeoffError(
            f"{MODELS}/ contains no model; run `dvc repro`, or `dvc pull` on a clone"
        )
    if name is not None:
        # A shell completes the path of a folder.
        name = name.rstrip("/\\").removeprefix(f"{MODELS.as_posix()}/")
        if name not in known:
            raise BakeoffError(f"{MODELS}/{name} is no model; name one of {', '.join(known)}")
        return MODELS / name
    table = REPORTS / "comparison.csv"
    if not table.is_file():
        raise BakeoffError(f"no {table} to choose by; name one with --model: {', '.join(known)}")
    for ranked in read_csv(table)["model"]:  # best first
        folder = MODELS / ranked
        if ranked not in known or not can_predict(folder):
            continue
        if not with_map or read_json(folder / "metadata.json")["kind"] != "forest":
            return folder
    raise BakeoffError(
        f"none of the compared models can do that; name one with --model: {', '.join(known)}"
    )


def about(folder: Path) -> dict[str, str]:
    """What each answer says of its model: its name, and a warning if its weights are random."""
    weights = read_json(folder / "metadata.json").get("weights") or {}
    if weights.get("kind") != "random":
        return {"model": folder.name}
    stand_in = " in the place of pretrained ones" if weights.get("fallback") else ""
    return {"model": folder.name, "warning": f"its backbone has random weights{stand_in}"}
