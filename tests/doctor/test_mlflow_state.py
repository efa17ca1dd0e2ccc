import pytest

from bakeoff.doctor.mlflow_state import mlflow_store
from bakeoff.params.check import check_tracking_address
from bakeoff.runtime.errors import BakeoffError


@pytest.mark.parametrize(
    "address",
    ["http://mlflow:5000mlflow", "http://mlflow:99999", "http://[::1", "http://", "https:x"],
)
def test_a_mistyped_tracking_address_is_refused(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with pytest.raises(BakeoffError, match="MLFLOW_TRACKING_URI is .*; write it as http://host:50"):
        check_tracking_address()
    (finding,) = mlflow_store()
    assert not finding.fine
    for good in ("http://host:5000", "", "sqlite:///x.db", "postgresql://a@b/c", "http://[::1]:5"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", good)
        check_tracking_address()
