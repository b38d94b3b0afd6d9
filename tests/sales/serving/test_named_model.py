"""A file is answered by the model that it names, whoever answers now and whatever is dealt."""

import io
import shutil

import pandas as pd
import pytest

from sales import files
from sales.models import saved
from tests.examples import make_orders
from tests.kept import Keeping


@pytest.fixture
def service(promoted, tmp_path):
    return Keeping(promoted, tmp_path)


def sent(service, alias, **headers):
    body = make_orders(5).to_parquet()
    return service.ask("POST", f"/predict_file?alias={alias}", content=body, headers=headers)


@pytest.mark.parametrize("alias", ["champion", "challenger", "fallback"])
def test_the_bits_are_those_of_the_named_model(service, promoted, alias):
    answered = sent(service, alias)
    assert answered.headers["x-model-alias"] == alias
    found = pd.read_parquet(io.BytesIO(answered.content))["PredictedTotalAmount"]
    expected = saved.load(promoted / alias).predict(make_orders(5))
    assert found.to_numpy().tobytes() == expected.tobytes()


def test_no_trial_deals_it_to_another(service):
    service.ask("POST", "/traffic", json={"challenger": 100})
    assert sent(service, "").headers["x-model-alias"] == "challenger"  # no name: it is dealt
    assert sent(service, "champion").headers["x-model-alias"] == "champion"


def test_it_is_kept_as_any_other_unless_the_request_says_no(service):
    sent(service, "challenger", **{"X-Keep": "no", "X-Request-ID": "compared"})
    sent(service, "challenger", **{"X-Request-ID": "asked"})
    kept = service.rows()
    assert set(kept["request_id"].str.rpartition("-")[0]) == {"asked"}
    assert len(kept) == 5


def test_a_model_that_is_not_there_is_told_of(promoted, tmp_path):
    assert sent(Keeping(promoted, tmp_path), "king").status_code == 400
    alone = shutil.copytree(promoted, tmp_path / "alone")
    told = files.read_json(alone / "promoted.json")
    files.write_json(alone / "promoted.json", {**told, "challenger": None})
    refused = sent(Keeping(alone, tmp_path), "challenger")
    assert refused.status_code == 404
    assert "no challenger" in refused.json()["detail"]
