"""A row of every type means the same as JSON, in CSV, in Parquet and in the prepared table."""

import datetime
import io
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sales import params
from sales.contract import Contract
from sales.models.feature_sets import FeaturizeParams
from sales.serving import upload
from sales.serving.request import OrderSchema, RequestError
from tests.examples import fitted, held

COLUMNS = {
    "insured": {"role": "boolean", "missing": "allowed"},
    "married": {"role": "boolean", "true_values": ["oui"], "false_values": ["non"]},
    "grade": {"role": "categorical"},
    "kind": {"role": "categorical", "values": [0, 1]},
    "sent": {"role": "date", "zone": "America/New_York"},
    "due": {"role": "date", "dayfirst": True},
    "worth": {"role": "numeric", "decimal": ",", "min": 0},
    "took": {"role": "numeric", "duration": "minutes"},
    "y": {"role": "target"},
}
DERIVED = {
    "hour": "hour(sent)",
    "weekend": "is_weekend(sent)",
    "days": "days_between(sent, due)",
    "insured_worth": "insured * worth",
}


def claims(rows, seed):
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "insured": rng.choice(["yes", "no", ""], rows).tolist(),
            "married": rng.choice(["oui", "non"], rows).tolist(),
            "grade": rng.integers(0, 5, rows).astype(float),
            "kind": rng.integers(0, 2, rows),
            "sent": [f"2024-0{m}-11T0{h}:30:00Z" for m, h in rng.integers(1, 9, (rows, 2))],
            "due": [f"{d}/9/2024" for d in rng.integers(1, 29, rows)],
            "worth": [f"{n}.{m:03},5" for n, m in rng.integers(1, 900, (rows, 2))],
            "took": [f"{h}:{m:02}" for h, m in rng.integers(0, 59, (rows, 2))],
            "y": rng.uniform(size=rows),
        }
    )


@pytest.fixture(scope="module")
def contract():
    return params.validate({"columns": COLUMNS}, Contract, "contract")


@pytest.fixture(scope="module")
def schema(contract):
    dates = ("sent", "due", "y")
    features = [*(name for name in COLUMNS if name not in dates), *DERIVED]
    sets = {"feature_set": "all", "derived": DERIVED, "feature_sets": {"all": {"add": features}}}
    train, found = held(contract, claims(200, 0))
    assert found.rejected == 0
    return OrderSchema(fitted(train, FeaturizeParams.model_validate(sets), contract))


ROW = st.fixed_dictionaries(
    {
        "insured": st.sampled_from([True, False, None]),
        "married": st.booleans(),
        "grade": st.integers(0, 6),
        "kind": st.integers(0, 2),
        "sent": st.datetimes(datetime.datetime(1990, 1, 1), datetime.datetime(2050, 1, 1)),
        "due": st.dates(datetime.date(1970, 1, 1), datetime.date(2050, 1, 1)),
        "worth": st.integers(0, 10**8).map(lambda cents: cents / 100),
        "took": st.integers(0, 10_000),
    }
)


def as_json(row, draw):
    def one(*ways):
        return draw(st.sampled_from(ways))

    said, married = row["insured"], row["married"]
    words = {True: (True, 1, 1.0, "yes", "TRUE"), False: (False, 0, "no"), None: (None, "", "NA")}
    return {
        "insured": one(*words[said]),
        "married": one(married, int(married), "oui" if married else "non"),
        "grade": one(row["grade"], float(row["grade"]), str(row["grade"]), f"{row['grade']}.0"),
        "kind": one(row["kind"], float(row["kind"]), str(row["kind"]), f"{row['kind']}.00"),
        "sent": row["sent"].isoformat() + one("Z", "+00:00"),
        "due": one(row["due"].isoformat(), f"{row['due']:%d/%m/%Y}", f"{row['due']:%d.%m.%Y}"),
        "worth": row["worth"],
        "took": row["took"],
    }


def as_text(row):
    grouped = f"{row['worth']:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")
    return {
        "insured": {True: "Yes", False: "n", None: ""}[row["insured"]],
        "married": "oui" if row["married"] else "non",
        "grade": f"{row['grade']}.0",
        "kind": str(row["kind"]),
        "sent": row["sent"].isoformat() + "+00:00",
        "due": f"{row['due']:%d/%m/%Y}",
        "worth": f"€ {grouped}",
        "took": f"{row['took'] // 60}:{row['took'] % 60:02}",
    }


def stored(rows):
    table = pa.Table.from_pylist(rows)
    sent = table["sent"].cast(pa.timestamp("us", "UTC"))
    took = pa.array([row["took"] * 60 for row in rows], pa.duration("s"))
    grade = pa.array([row["grade"] for row in rows], pa.float64())
    columns = {name: table[name] for name in table.column_names}
    return pa.table({**columns, "sent": sent, "took": took, "grade": grade})


def in_parquet(table):
    sink = io.BytesIO()
    pa.parquet.write_table(table, sink)
    return sink.getvalue()


def of_file(schema, body):
    table, numbers = upload.filled(upload.read(body, 10))
    return upload.orders(table, schema.featuriser.fields, schema.parts, numbers)


@settings(deadline=None, max_examples=100)
@given(rows=st.lists(ROW, min_size=1, max_size=3), data=st.data())
def test_one_row_is_its_row_in_a_table(contract, schema, rows, data):
    sent = [as_json(row, data.draw) for row in rows]
    text = pd.DataFrame([as_text(row) for row in rows])
    ways = {
        "list": schema.many(json.dumps(sent)),
        "csv": of_file(schema, text.to_csv(index=False).encode()),
        "parquet": of_file(schema, in_parquet(stored(rows))),
    }
    transform = schema.featuriser.transform
    expected = transform(ways["csv"])
    for way, orders in ways.items():
        assert transform(orders).tobytes() == expected.tobytes(), way
        assert sorted(schema.warnings(orders)) == sorted(schema.warnings(ways["csv"])), way
    for row, features in zip(sent, expected, strict=True):
        assert transform(schema.one(json.dumps(row)))[0].tobytes() == features.tobytes()
    known = [row["kind"] < 2 for row in rows]
    prepared, found = held(contract, stored(rows).append_column("y", pa.array([1.0] * len(rows))))
    assert found.rejected == known.count(False)
    assert transform(prepared).tobytes() == expected[known].tobytes()


GOOD = {
    "insured": True,
    "married": False,
    "grade": 3,
    "kind": 0,
    "sent": "2024-06-03T02:30:00Z",
    "due": "9/6/2024",
    "worth": 5.0,
    "took": 90,
}


def test_parts_are_the_zones_not_utcs(schema):
    names = schema.featuriser.columns
    [row] = schema.featuriser.transform(schema.one(json.dumps(GOOD)))
    told = dict(zip(names, row.tolist(), strict=True))
    assert (told["hour"], told["weekend"]) == (22, 1)  # Sunday night in New York
    assert told["days"] == pytest.approx(6 + 1.5 / 24)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"married": None}, "Input should be true or false, or one of their words"),
        ({"married": 2}, "Input should be true or false, or one of their words"),
        ({"insured": "perhaps"}, "Input should be true or false, or one of their words"),
        ({"due": "6/13/2024"}, "Input should be a valid date in ISO 8601, such as 2024-06-03"),
        ({"worth": "5,0"}, "Input should be a valid number"),
    ],
)
def test_what_is_no_value_of_the_type_is_refused(schema, change, why):
    body = json.dumps({**GOOD, **change})
    for read, sent in ((schema.one, body), (schema.many, f"[{body}]")):
        with pytest.raises(RequestError) as caught:
            read(sent)
        assert [(one["loc"][-1], one["msg"]) for one in caught.value.details] == [(*change, why)]


def test_every_date_must_be_there_where_there_are_several(schema):
    without = {name: value for name, value in GOOD.items() if name != "sent"}
    with pytest.raises(RequestError, match="sent"):
        schema.one(json.dumps(without))
    assert schema.parts == {}


def test_the_schema_tells_how_each_field_is_written(schema):
    told = schema.json_schema()["properties"]
    assert {"type": "boolean"} in told["married"]["anyOf"]
    assert "3/6/2024" in told["due"]["description"]
    assert "America/New_York" in told["sent"]["description"]
