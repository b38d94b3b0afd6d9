"""The statement that a database is asked, and settings that make none."""

import pytest

from sales import params
from sales.data.query import SqlParams
from sales.errors import PipelineError

URL = "sqlite:///shop.db"


@pytest.mark.parametrize(
    ("asked", "statement"),
    [
        ({"table": "orders"}, 'SELECT * FROM "orders"'),
        (
            {"table": "sales.Orders", "order_by": ["Day", 'a"b']},
            'SELECT * FROM "sales"."Orders" ORDER BY "Day", "a""b"',
        ),
        (
            {"query": " select 1 as a ; -- all\n", "order_by": ["a"]},
            'SELECT * FROM (\nselect 1 as a ; -- all\n) AS asked ORDER BY "a"',
        ),
        (
            {"query": "with x as (select 1) table x;\n;"},
            "SELECT * FROM (\nwith x as (select 1) table x\n) AS asked",
        ),
    ],
)
def test_the_statement_is_a_select_around_what_was_given(asked, statement):
    found = SqlParams(url=URL, **asked)
    found.refuse_incomplete()
    assert found.statement == statement


@pytest.mark.parametrize(
    ("table", "name"), [("sales.orders", "sales.orders"), ("../a", "_a"), ("..", "table")]
)
def test_rows_are_called_as_the_table_and_stay_in_their_folder(table, name):
    assert SqlParams(url=URL, table=table).name == name
    assert SqlParams(url=URL, query="select 1").name == "query"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, r"^params\.yaml: ingest\.sql\.url is empty: name a database, postgresql://user@"),
        ({"url": URL}, r"ingest\.sql: name a table or a query, not neither$"),
        ({"url": URL, "table": "a", "query": "select 1"}, r"a table or a query, not both$"),
        ({"url": URL, "query": "delete from t"}, r"query is no SELECT, and nothing else is asked"),
        ({"url": URL, "query": "-- select\n/* a */ Drop table t"}, r"query is no SELECT"),
        ({"url": URL, "query": ";"}, r"query is no SELECT"),
    ],
)
def test_settings_that_make_no_query_are_told(asked, message):
    with pytest.raises(PipelineError, match=message):
        SqlParams(**asked).refuse_incomplete()


@pytest.mark.parametrize("query", ["select 1", "/* a */ --b\n (select 1)", "VALUES (1)", "from t"])
def test_a_query_may_begin_as_sql_lets_it(query):
    SqlParams(url=URL, query=query).refuse_incomplete()


def test_a_password_in_the_settings_is_told_without_being_shown():
    tree = {"url": "postgresql://ann:sesame@db/shop", "table": "orders"}
    with pytest.raises(PipelineError) as caught:
        params.validate(tree, SqlParams, "params.yaml: ingest.sql")
    assert str(caught.value).startswith("params.yaml: ingest.sql.url holds a password: take it out")
    assert "sesame" not in str(caught.value)
    assert "sesame" not in str(caught.value.__context__)


def test_an_unknown_key_and_an_empty_name_are_told():
    for tree, key in (({"urls": "a"}, "urls: unknown"), ({"order_by": [""]}, r"order_by\.0: Str")):
        with pytest.raises(PipelineError, match=rf"ingest\.sql\.{key}"):
            params.validate(tree, SqlParams, "params.yaml: ingest.sql")
