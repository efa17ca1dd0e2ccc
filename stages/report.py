"""Write the report: table, page, cards and plots; say the result; log everything to MLflow."""

from bakeoff.runtime.stage import run_stage

from bakeoff.evaluate.evaluation_folder import read_evaluation
from bakeoff.evaluate.table import read_searches
from bakeoff.params.block import PARAMS
from bakeoff.params.evidence import EvaluateParams, TrackingParams
from bakeoff.params.resolved import resolved_dataset, resolved_names
from bakeoff.report.contents import gather_evidence
from bakeoff.report.kept import keep_report
from bakeoff.report.page import Context
from bakeoff.report.report_folder import made_from, read_histories, write_report_files
from bakeoff.report.terminal import show_comparison
from bakeoff.runtime.files import read_json
from bakeoff.runtime.layout import EVALUATION, FEATURES, MODELS, PROCESSED, REPORTS, SEARCH, SPLITS
from bakeoff.runtime.tables import read_splits
from bakeoff.test_side.candidates import compared_names, read_candidates
from bakeoff.test_side.probabilities import Inputs
from bakeoff.tfrecord.index import read_index
from bakeoff.tracking import log_comparison
from bakeoff.tracking.facts import code_tags


def main() -> None:
    params = EvaluateParams.read("evaluate")
    dataset, described = resolved_dataset()
    candidates = read_candidates(MODELS, compared_names(resolved_names()))
    evaluation = read_evaluation(EVALUATION, candidates)
    images = read_splits(SPLITS, ("image_id", "path"))
    paths = dict(zip(images["image_id"], images["path"], strict=True))
    evidence = gather_evidence(evaluation, candidates, Inputs(PROCESSED, FEATURES), params, paths)
    context = Context(
        dataset=dataset,
        described=described,
        index=read_index(PROCESSED),
        leakage=read_json(REPORTS / "split" / "leakage.json"),
        params=params,
        params_text=PARAMS.read_text(encoding="utf-8"),
        histories=read_histories(candidates),
        searches=read_searches(SEARCH, candidates),
        paths=paths,
        made=made_from(code_tags()),
    )
    write_report_files(REPORTS, evidence, context)
    keep_report(REPORTS, dataset)
    show_comparison(REPORTS)
    log_comparison(REPORTS, MODELS, TrackingParams.read("tracking"))


if __name__ == "__main__":
    run_stage("report", main)
