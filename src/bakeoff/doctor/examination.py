"""All checks of this installation, one after the other."""

from collections.abc import Iterator

from bakeoff.doctor import dvc_files, inputs, machine, mlflow_state
from bakeoff.doctor.finding import Finding


def examine(*, deep: bool = False) -> Iterator[Finding]:
    """Look at everything, the quick things first; each finding comes as soon as it is known.

    `deep` hashes every output and every object of DVC's cache, too.
    """
    looks = (
        machine.packages,
        machine.programs,
        machine.missing_repository,
        machine.foreign_repository,
        machine.closed_folders,
        machine.free_space,
        inputs.parameters,
        inputs.source,
        inputs.weights,
        mlflow_state.mlflow_store,
        dvc_files.damaged_lock,
        dvc_files.killed_experiments,
        dvc_files.left_over_folders,
        dvc_files.stages,
        *((dvc_files.tampered_contents,) if deep else ()),
    )
    for look in looks:
        yield from look()
