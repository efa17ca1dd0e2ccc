from bakeoff.report.kept import keep_report
from tests.cli.running import run
from tests.tiny_repository import repository, write_reports

__all__ = ["repository"]


def test_show_prints_the_comparison_and_warns_of_random_weights(repository):
    write_reports(repository, {"vgg16": 20})
    result = run("show")
    assert result.exit_code == 0
    assert "0.833 (0.73-0.93)" in result.output
    assert "random!" in result.output
    assert max(map(len, result.output.splitlines())) <= 80
    assert "report.html" in result.output


def test_each_data_set_keeps_its_last_report(repository):
    reports = write_reports(repository, {"vgg16": 20})
    keep_report(reports, "phantom")
    table = reports / "comparison.csv"
    table.write_text(table.read_text().replace("0.8333333", "0.6666666"))
    keep_report(reports, "dogs")
    assert "0.833 (0.73-0.93)" in run("show", "phantom").output
    both = run("show", "phantom", "dogs").output
    assert "0.667 (" in both
    assert "different test pictures" in both
    assert "there are dogs, phantom" in run("show", "cats").stderr
    assert "the last report of dogs, phantom" in run("show").output
