"""A file in any form means the same, comes back in its own, and is no bomb."""

import asyncio
import bz2
import gzip
import io
import json
import lzma
import zipfile

import httpx
import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pytest

from sales.serving import answering
from tests.bento_server import in_process
from tests.examples import make_orders

ORDERS = make_orders(40, seed=5).assign(City="Seattle", State="WA", Note="Köln; 1,5")
TEXT = ORDERS.to_csv(index=False)
ADDED = "PredictedTotalAmount"


def zst(content):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


def zipped(content, name="orders.csv"):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return sink.getvalue()


def workbook(*titles):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title in titles:
        sheet = book.create_sheet(title)
        for row in (list(ORDERS.columns), *ORDERS.astype(object).itertuples(index=False)):
            sheet.append([cell if cell is not pd.NaT else None for cell in row])
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


def feather():
    sink = io.BytesIO()
    pa.feather.write_feather(pa.Table.from_pandas(ORDERS), sink)
    return sink.getvalue()


LINES = ORDERS.assign(OrderDate=ORDERS["OrderDate"].dt.strftime("%Y-%m-%d")).to_json(
    orient="records", lines=True, force_ascii=False, double_precision=15
)
GERMAN = ORDERS.to_csv(index=False, sep=";", decimal=",")


def german(body):
    return pd.read_csv(io.BytesIO(body), sep=";", decimal=",")


def lines(body):
    return pd.read_json(io.BytesIO(body), lines=True, precise_float=True)


def plain(body):
    return pd.read_csv(io.BytesIO(body))


FORMS = {  # what is sent, and how what comes back is read
    "csv": (TEXT.encode(), plain),
    "with a mark": (TEXT.encode("utf-8-sig"), plain),
    "semicolons and decimal commas": (GERMAN.encode(), german),
    "of German Excel": (GERMAN.encode("windows-1252"), german),
    "tabs": (ORDERS.to_csv(index=False, sep="\t").encode(), lambda b: pd.read_table(io.BytesIO(b))),
    "utf-16": (TEXT.encode("utf-16"), plain),
    "windows-1252": (TEXT.encode("windows-1252"), plain),
    "gz": (gzip.compress(TEXT.encode()), plain),
    "bz2": (bz2.compress(TEXT.encode()), plain),
    "xz": (lzma.compress(GERMAN.encode()), german),
    "zst": (zst(TEXT.encode()), plain),
    "zip": (zipped(TEXT), plain),
    "zip of lines": (zipped(LINES, "orders.jsonl"), lines),
    "json lines": (LINES.encode(), lines),
    "feather": (feather(), lambda body: pd.read_feather(io.BytesIO(body))),
    "workbook": (workbook("Orders"), plain),
    "parquet": (ORDERS.to_parquet(index=False), lambda body: pd.read_parquet(io.BytesIO(body))),
}


@pytest.fixture(scope="module")
def ask(promoted, tmp_path_factory):
    """Return a function that posts a file to the service."""
    app, _ = in_process(promoted, tmp_path_factory.mktemp("asked"), MAX_BODY_MB="2")

    def post(body, query=""):
        async def asked():
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
                return await client.post(f"/predict_file{query}", content=body)

        return asyncio.run(asked())

    return post


@pytest.fixture(scope="module")
def expected(promoted):
    return answering.load(promoted)["champion"].file(TEXT.encode(), 1000)[1]


@pytest.mark.parametrize("form", FORMS)
def test_a_file_is_priced_to_the_same_bits_and_comes_back_as_it_was_sent(ask, expected, form):
    body, read = FORMS[form]
    answered = ask(body)
    assert answered.status_code == 200, answered.text
    back = read(answered.content)
    assert list(back.columns)[: len(ORDERS.columns)] == list(ORDERS.columns)
    assert back[ADDED].to_numpy(float).tobytes() == expected.tobytes()
    assert list(back["Note"]) == list(ORDERS["Note"])
    assert np.array_equal(back["UnitPrice"].astype(float), ORDERS["UnitPrice"])


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("csv", None),
        ("of German Excel", "separated by semicolons, with decimal commas, in windows-1252"),
        ("tabs", "separated by tabs"),
        ("utf-16", "in utf-16"),
        ("json lines", None),
    ],
)
def test_how_a_file_was_read_is_told_unless_it_is_plain(ask, form, told):
    warnings = json.loads(ask(FORMS[form][0]).headers["x-warnings"])
    said = [line for line in warnings if line.startswith("the file was read as CSV")]
    assert said == ([f"the file was read as CSV {told}"] if told else [])


def test_what_the_answer_is_stands_in_its_headers(ask):
    for form, media, name in (
        ("csv", "text/csv; charset=utf-8", "scored.csv"),
        ("json lines", "application/x-ndjson", "scored.jsonl"),
        ("feather", "application/vnd.apache.arrow.file", "scored.feather"),
        ("workbook", "text/csv; charset=utf-8", "scored.csv"),
    ):
        headers = ask(FORMS[form][0]).headers
        assert headers["content-type"] == media
        assert headers["content-disposition"] == f'attachment; filename="{name}"'


def test_how_a_file_is_to_be_read_may_be_said(ask):
    body = TEXT.replace(",", "~").encode()
    assert ask(body).status_code == 422
    assert ask(body, "?separator=~").status_code == 200
    two = workbook("Orders", "Again")
    refused = ask(two)
    assert refused.status_code == 422
    assert "several sheets ('Orders', 'Again')" in refused.json()["detail"][0]["msg"]
    assert ask(two, "?sheet=Again").status_code == 200
    for query, told in (
        ("?separator=ab", "query: csv.separator: Value error, it is one character"),
        ("?encoding=klingon", "there is no such encoding"),
    ):
        refused = ask(TEXT.encode(), query)
        assert refused.status_code == 422
        assert told.removeprefix("query: ") in refused.json()["detail"]


BIG = b"a,b\n" + b"0,0\n" * 600_000
BOMBS = {
    "gz": gzip.compress(BIG),
    "bz2": bz2.compress(BIG),
    "xz": lzma.compress(BIG),
    "zst": zst(BIG),
    "zip": zipped(BIG),
}


@pytest.mark.parametrize("form", BOMBS)
def test_a_packed_file_that_holds_more_than_a_body_may_is_413(ask, form):
    answered = ask(BOMBS[form])
    assert answered.status_code == 413
    assert "unpacks to more than 2 MB" in answered.json()["detail"]


def test_a_workbook_a_feather_file_and_lines_that_would_be_large_are_413(promoted, tmp_path):
    app, _ = in_process(promoted, tmp_path, MAX_UNPACKED_MB="1")
    sink = io.BytesIO()
    pa.feather.write_feather(pa.table({"a": np.zeros(200_000)}), sink, compression="zstd")
    many = "".join(f'{{"c{n}":1}}\n' for n in range(1000))

    async def ask(body):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            return await client.post("/predict_file", content=body)

    wide = ORDERS.assign(**{f"c{n}": "x" * 500 for n in range(60)})
    book = openpyxl.Workbook()
    for row in (list(wide.columns), *wide.astype(str).itertuples(index=False)):
        book.active.append(list(row))
    full = io.BytesIO()
    book.save(full)
    for body in (sink.getvalue(), many.encode(), full.getvalue()):
        assert len(body) < 100_000
        answered = asyncio.run(ask(body))
        assert answered.status_code == 413, answered.text
        assert "unpacks to more than 1 MB" in answered.json()["detail"]
        assert answered.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (bz2.compress(TEXT.encode())[:-9], "the .bz2: broken, or cut short"),
        (lzma.compress(gzip.compress(TEXT.encode())), "the .xz holds another packed file: unpack"),
        (zipped(b"\x1f\x8b"), "the .zip holds another packed file: unpack it"),
    ],
)
def test_a_packing_that_is_broken_is_400(ask, body, told):
    answered = ask(body)
    assert answered.status_code == 400
    assert told in answered.json()["detail"]
