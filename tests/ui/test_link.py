"""An order as a link, and read from one again; the line of curl."""

import json
import shlex
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.contract import Column
from ui import link

FIELDS = {
    "Quantity": Column(role="numeric", integer=True),
    "Discount": Column(role="numeric", min=0, max=1),
    "Brand": Column(role="categorical"),
    "OrderDate": Column(role="date"),
    "Gift": Column(role="boolean"),
}
ORDERS = st.fixed_dictionaries(
    {
        "Quantity": st.integers(-(2**50), 2**50),
        "Discount": st.floats(0, 1),
        "Brand": st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
        "OrderDate": st.dates().map(str),
        "Gift": st.booleans(),
    }
)


def opened(address):
    return link.read(dict(parse_qsl(urlsplit(address).query, keep_blank_values=True)), FIELDS)


@given(order=ORDERS)
def test_a_link_opens_the_very_order(order):
    found = opened(link.to("http://127.0.0.1:8501/", order))
    assert found == (order, [])
    assert {name: type(value) for name, value in found.order.items()} == {
        name: type(value) for name, value in order.items()
    }


def test_what_holds_nothing_comes_back_as_nothing():
    order = dict.fromkeys(FIELDS)
    assert opened(link.to("http://127.0.0.1:8501/", order)) == (order, [])


def test_the_pages_own_path_stays_and_other_parameters_go():
    found = link.to("https://example.org/sales/?utm=1#there", {"Quantity": 2})
    assert found == "https://example.org/sales/?Quantity=2"


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"Quantity": "many"}, "Quantity: 'many' is not a number"),
        ({"Quantity": "nan"}, "Quantity: 'nan' is not a number"),
        ({"OrderDate": "soon"}, "Order date: 'soon' is not a day, such as 2024-06-30"),
        ({"Gift": "perhaps"}, "Gift: 'perhaps' is neither true nor false"),
    ],
)
def test_what_a_link_cannot_mean_is_said_and_the_rest_is_used(query, problem):
    assert link.read({**query, "Brand": "Apex"}, FIELDS) == ({"Brand": "Apex"}, [problem])


def test_parameters_that_are_no_field_are_left_alone():
    assert link.read({"utm_source": "mail"}, FIELDS) == ({}, [])


@given(order=ORDERS)
def test_a_shell_reads_the_line_of_curl_as_one_request(order):
    words = shlex.split(link.curl("http://127.0.0.1:3000", order))
    assert words[:3] == ["curl", "-s", "http://127.0.0.1:3000/predict"]
    assert json.loads(words[-1]) == order
