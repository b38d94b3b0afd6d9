"""A row with holes is one row: as JSON, in a list, as CSV, as Parquet, in the prepared table."""

import io
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sales import estimators, params
from sales.contract import Contract
from sales.models.feature_sets import FeaturizeParams
from sales.models.features import Featuriser
from sales.models.saved import Model
from sales.serving import explanation, upload
from sales.serving.request import OrderSchema, RequestError
from tests.examples import fitted, held, training_data
from tests.sales.estimators.test_estimators import settings as small

ALLOWED = {"missing": "allowed"}
COLUMNS = {
    "area": {"role": "numeric", "min": 1, **ALLOWED, "missing_marks": ["-1", "?"]},
    "rooms": {"role": "numeric", "integer": True, "min": 0, "max": 9, **ALLOWED},
    "garage": {"role": "categorical", **ALLOWED},
    "street": {"role": "categorical", "values": ["Paved", "NA"], **ALLOWED},
    "sold": {"role": "date", **ALLOWED},
    "lot": {"role": "numeric"},
    "price": {"role": "target"},
}
DERIVED = {
    "each": "area / rooms",
    "no_area": "missing(area)",
    "some_area": "coalesce(area, lot)",
    "year": "year(sold)",
    "no_garage": "missing(garage)",
}
FIELDS = [name for name in COLUMNS if name != "price"]


def houses(count, seed):
    rng = np.random.default_rng(seed)

    def holed(values, share=0.2):
        return [None if rng.random() < share else value for value in values]

    days = np.datetime64("2015-01-01") + rng.integers(0, 3000, count)
    area = rng.integers(20, 300, count).astype(float)
    return pa.table(
        {
            "area": pa.array(holed(area.tolist()), pa.float64()),
            "rooms": pa.array(holed(rng.integers(1, 9, count).tolist()), pa.int64()),
            "garage": pa.array(holed(rng.choice(["built in", "carport"], count).tolist())),
            "street": pa.array(
                rng.choice(["Paved", "NA"], count).tolist()
            ),  # no train row lacks it
            "sold": pa.array(holed([str(day) for day in days])),
            "lot": rng.uniform(50, 900, count),
            "price": area * 1000 + rng.normal(0, 100, count),
        }
    )


@pytest.fixture(scope="module")
def contract():
    return params.validate({"columns": COLUMNS}, Contract, "contract")


def featuriser_of(contract, **changes) -> Featuriser:
    sets = {"all": {"add": [*(n for n in FIELDS if n != "sold"), *DERIVED]}}
    told = FeaturizeParams.model_validate(
        {"feature_set": "all", "derived": DERIVED, "feature_sets": sets, **changes}
    )
    return fitted(held(contract, houses(400, 0))[0], told, contract)


@pytest.fixture(scope="module")
def featuriser(contract) -> Featuriser:
    return featuriser_of(contract)


@pytest.fixture(scope="module")
def schema(featuriser):
    return OrderSchema(featuriser)


def models_of(contract, featuriser, names=estimators.NAMES, **changes):
    train, valid = (held(contract, houses(rows, seed))[0] for rows, seed in ((400, 0), (100, 1)))
    data = training_data(featuriser, train, valid)
    fit = {name: estimators.module(name).fit(small(name, **changes), data)[0] for name in names}
    return {name: Model(name, featuriser, one, {}, "", 0.0) for name, one in fit.items()}


@pytest.fixture(scope="module")
def models(contract, featuriser):
    return models_of(contract, featuriser)


@pytest.fixture(scope="module")
def by_sets_and_numbers(contract):
    """Models that part a category's levels into sets, and have another one as a number."""
    other = featuriser_of(contract, target_encoding={"columns": ["garage"]})
    assert [*other.encoded] == ["garage"]
    names = ("hist_gradient_boosting", "xgboost", "lightgbm")
    return OrderSchema(other), models_of(contract, other, names, categories="native")


ROW = st.fixed_dictionaries(
    {
        "area": st.one_of(st.none(), st.integers(1, 400), st.floats(1, 1e6)),
        "rooms": st.one_of(st.none(), st.integers(0, 9)),
        "garage": st.sampled_from([None, "built in", "carport", "barn"]),
        "street": st.sampled_from([None, "Paved", "NA"]),
        "sold": st.one_of(st.none(), st.dates().map(str)),
        "lot": st.floats(-1e6, 1e6),
    }
)
NOTHING = {  # what says that there is no value, by the column's kind
    "area": [None, -1, -1.0],
    "rooms": [None],
    "garage": [None, "", "NA", "N/A", "null"],
    "street": [None, "", "N/A"],
    "sold": [None, "", "NA"],
}


@settings(deadline=None, max_examples=120)
@given(rows=st.lists(ROW, min_size=1, max_size=4), data=st.data())
def test_one_row_is_its_row_in_a_table_bit_for_bit(contract, schema, models, rows, data):
    one_row_is_its_row_in_a_table(contract, schema, models, rows, data)


@settings(deadline=None, max_examples=40)
@given(rows=st.lists(ROW, min_size=1, max_size=4), data=st.data())
def test_so_it_is_where_levels_are_parted_into_sets_or_are_a_number(
    contract, by_sets_and_numbers, rows, data
):
    one_row_is_its_row_in_a_table(contract, *by_sets_and_numbers, rows, data)


def one_row_is_its_row_in_a_table(contract, schema, models, rows, data):
    sent = []
    for row in rows:
        said = {}
        for name, value in row.items():
            if value is not None:
                said[name] = value
            elif data.draw(st.booleans()):  # else it is left out
                said[name] = data.draw(st.sampled_from(NOTHING[name]))
        sent.append(said)
    kinds = {"area": "f8", "rooms": "f8", "lot": "f8"}
    frame = pd.DataFrame(rows, columns=FIELDS).astype(kinds)
    stored = io.BytesIO()
    pa.parquet.write_table(pa.Table.from_pandas(frame, preserve_index=False), stored)
    ways = {
        "list": schema.many(json.dumps(sent)),
        "csv": of_file(schema, frame.to_csv(index=False, na_rep="").encode()),
        "parquet": of_file(schema, stored.getvalue()),
    }
    prepared, found = held(
        contract, pa.table({**{n: frame[n] for n in FIELDS}, "price": frame["lot"]})
    )
    assert found.rejected == 0
    expected = schema.featuriser.transform(prepared)
    for way, orders in ways.items():
        assert schema.featuriser.transform(orders).tobytes() == expected.tobytes(), way
    for number, row in enumerate(sent):
        alone = schema.one(json.dumps(row))
        assert schema.featuriser.transform(alone).tobytes() == expected[number].tobytes()
        for model in models.values():
            together = model.estimator.predict(expected)[number]
            assert model.predict(alone)[0] == together, model.name
    warned = {way: sorted(schema.warnings(orders)) for way, orders in ways.items()}
    assert warned["csv"] == warned["parquet"] == warned["list"]


def of_file(schema, body):
    table, numbers = upload.filled(upload.read(body, 10))
    return upload.orders(table, schema.featuriser.fields, schema.parts, numbers)


FULL = {
    "area": 80,
    "rooms": 3,
    "garage": "carport",
    "street": "Paved",
    "sold": "2020-06-01",
    "lot": 95.5,
}


def test_missing_is_a_value_of_its_own_and_unseen_is_none(schema):
    codes = {
        value: schema.featuriser.transform(schema.one(json.dumps({**FULL, "garage": value})))[0, 2]
        for value in ("built in", "carport", None, "barn")
    }
    assert codes == {
        "built in": 0,
        "carport": 1,
        None: 2,
        "barn": pytest.approx(np.nan, nan_ok=True),
    }
    assert schema.warnings(schema.one(json.dumps({**FULL, "garage": None}))) == []
    unseen = schema.warnings(schema.one(json.dumps({**FULL, "garage": "barn"})))
    assert unseen == ["garage: 'barn' was not in the training data"]


def test_a_hole_where_training_had_none_is_told(schema):
    for orders in (
        schema.one(json.dumps({**FULL, "street": None})),
        schema.many(json.dumps([FULL | {"street": ""}])),
    ):
        assert schema.warnings(orders) == [
            "street: it is missing, which it never was in the training data"
        ]


def test_what_lies_outside_is_told_beside_rows_with_holes(schema):
    rows = [FULL, {**FULL, "area": None, "sold": None}, {**FULL, "area": 9e5, "sold": "1950-01-01"}]
    told = schema.outside(schema.many(json.dumps(rows)))
    assert told.rows.tolist() == [False, False, True]
    assert [warning.split(":")[0] for warning in told.warnings] == ["area", "sold"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"lot": None}, "Input should be a valid number"),
        ({"rooms": 2.5}, "Input should be a multiple of 1"),
        ({"rooms": 10}, "Input should be less than or equal to 9"),
        ({"area": "?"}, "Input should be a valid number"),
        ({"sold": "soon"}, "Input should be a valid date in ISO 8601, such as 2024-06-03"),
    ],
)
def test_what_is_wrong_is_refused_beside_holes(schema, change, why):
    body = json.dumps({**FULL, "garage": None, **change})
    for read, sent in ((schema.one, body), (schema.many, f"[{body}]")):
        with pytest.raises(RequestError) as caught:
            read(sent)
        assert [(one["loc"][-1], one["msg"]) for one in caught.value.details] == [(*change, why)]


def test_a_file_may_lack_a_column_which_is_told(schema):
    fields = schema.featuriser.fields
    without = pa.table({name: [value] for name, value in FULL.items() if name != "area"})
    orders = upload.orders(without, fields, schema.parts)
    alone = schema.one(json.dumps({**FULL, "area": None}))
    transform = schema.featuriser.transform
    assert transform(orders).tobytes() == transform(alone).tobytes()
    assert upload.left_out(without, fields) == [
        "area: the file has no such column; it is missing in every row"
    ]
    with pytest.raises(RequestError, match="the column is missing"):
        upload.orders(without.drop_columns(["lot"]), fields, schema.parts)


def test_the_schema_tells_what_may_be_null_or_left_out(schema):
    told = schema.json_schema()
    assert told["required"] == ["lot"]
    assert {"type": "null"} in told["properties"]["garage"]["anyOf"]
    assert told["properties"]["lot"]["type"] == "number"


def test_why_a_row_with_holes_has_its_prediction(schema, models):
    orders = schema.one(json.dumps({"lot": 95.5}))
    for model in models.values():
        found = explanation.explain(model, orders, schema.parts)
        values = {one.feature: one.value for one in found.contributions}
        assert (values["garage"], values["area"], values["no_area"]) == (None, None, 1)
        total = found.baseline + sum(one.amount for one in found.contributions)
        assert total == pytest.approx(found.prediction, rel=1e-6)


def test_a_featuriser_with_holes_is_read_back(featuriser, tmp_path):
    assert set(featuriser.holes) == {"area", "rooms", "garage", "sold", "each", "year"}
    featuriser.save(tmp_path / "featuriser.json")
    assert Featuriser.load(tmp_path / "featuriser.json") == featuriser
    assert featuriser.sizes() == (0, 0, 3, 2, 0, 0, 0, 0, 0, 0)
