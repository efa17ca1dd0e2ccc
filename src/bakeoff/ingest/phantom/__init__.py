"""Chest X-ray phantoms: the embedded data set, generated from a seed.

`write_archive` generates the whole set. `render` generates one picture and its lesion mask:

    rng = np.random.default_rng(0)
    patient, view = draw_patient(rng), draw_view(rng, 300, 420)
    film, lesion = render("bacteria", patient, view)
"""

from bakeoff.ingest.phantom.anatomy import lung_field
from bakeoff.ingest.phantom.archive import PhantomSpec, class_counts, write_archive
from bakeoff.ingest.phantom.film import render
from bakeoff.ingest.phantom.patient import LOBES, Patient, View, draw_patient, draw_view

__all__ = [
    "LOBES",
    "Patient",
    "PhantomSpec",
    "View",
    "class_counts",
    "draw_patient",
    "draw_view",
    "lung_field",
    "render",
    "write_archive",
]
