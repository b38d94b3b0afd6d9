"""What an order is: the contract's roles, and the absurd contracts that are refused."""

import pytest

from sales import params
from sales.contract import Contract
from sales.errors import PipelineError

Y = {"y": {"role": "target"}}
SUM = {"left": "y", "right": "2 * a", "tolerance": 0.01}


def contract_of(columns, rules=None):
    return params.validate({"columns": columns, "rules": rules or {}}, Contract, "contract")


def test_the_roles_of_the_committed_contract(contract):
    assert (contract.id, contract.date, contract.target) == ("OrderID", "OrderDate", "TotalAmount")
    assert contract.numeric == ("Quantity", "UnitPrice", "Discount", "Tax", "ShippingCost")
    assert contract.categorical == (
        *("Category", "Brand", "PaymentMethod", "OrderStatus", "City", "State", "Country"),
    )
    assert len(contract.required) == 15
    assert [name for name in contract.columns if name not in contract.required] == [
        *("CustomerID", "CustomerName", "ProductID", "ProductName", "SellerID"),
    ]


def test_id_date_and_rules_may_be_absent():
    other = params.validate({"columns": {"a": {"role": "numeric"}, **Y}}, Contract, "contract")
    assert (other.id, other.date, other.rules) == (None, None, {})
    assert (other.numeric, other.categorical, other.required) == (("a",), (), ("a", "y"))


# the columns beside the target, the rules, the message
ABSURD = {
    "two targets": ({"a": {"role": "target"}}, {}, "exactly one column must have the role target"),
    "two ids": (
        {"a": {"role": "id"}, "b": {"role": "id"}},
        {},
        "contract.columns: Value error, at most one column may have the role id",
    ),
    "an unknown role": ({"a": {"role": "colour"}}, {}, "contract.columns.a.role: Input should be"),
    "an unknown key": (
        {"a": {"role": "numeric", "least": 1}},
        {},
        "contract.columns.a.least: unknown key",
    ),
    "min above max": (
        {"a": {"role": "numeric", "min": 1, "max": 0}},
        {},
        "contract.columns.a: Value error, min is above max",
    ),
    "dates the wrong way round": (
        {"a": {"role": "date", "min": "2024-01-02", "max": "2024-01-01"}},
        {},
        "contract.columns.a: Value error, min is above max",
    ),
    "a bound that is no date": (
        {"a": {"role": "date", "min": "soon"}},
        {},
        "contract.columns.a: Value error, 'soon' is not a date",
    ),
    "a bound in words": (
        {"a": {"role": "numeric", "min": "low"}},
        {},
        "contract.columns.a: Value error, the bound 'low' does not suit the role numeric",
    ),
    "a bound of a category": (
        {"a": {"role": "categorical", "min": 1}},
        {},
        "contract.columns.a: Value error, the bound 1.0 does not suit the role categorical",
    ),
    "values of a number": (
        {"a": {"role": "numeric", "values": ["1"]}},
        {},
        "contract.columns.a: Value error, values are for categorical columns",
    ),
    "a value twice": (
        {"a": {"role": "categorical", "values": ["x", "x"]}},
        {},
        "contract.columns.a: Value error, values must be given once each",
    ),
    "no values": (
        {"a": {"role": "categorical", "values": []}},
        {},
        "contract.columns.a: Value error, values must be given once each, at least one",
    ),
    "a whole category": (
        {"a": {"role": "categorical", "integer": True}},
        {},
        "contract.columns.a: Value error, integer is for numeric columns",
    ),
    "a rule on an unknown column": (
        {"b": {"role": "numeric"}},
        {"sum": SUM},
        "rules.sum: 'a' is not a numeric column",
    ),
    "a rule on a category": (
        {"a": {"role": "categorical"}},
        {"sum": SUM},
        "rules.sum: 'a' is not a numeric column",
    ),
    "a rule that is code": (
        {},
        {"sum": {**SUM, "right": "__import__('os')"}},
        "rules.sum: unknown function '__import__'",
    ),
    "half a rule": ({}, {"sum": {**SUM, "right": "2 *"}}, "rules.sum: '2 *' is not an expression"),
    "a negative tolerance": (
        {"a": {"role": "numeric"}},
        {"sum": {**SUM, "tolerance": -1}},
        "contract.rules.sum.tolerance: Input should be greater than or equal to 0",
    ),
}


@pytest.mark.parametrize("case", ABSURD)
def test_an_absurd_contract_is_one_line_that_names_the_key(case):
    columns, rules, message = ABSURD[case]
    with pytest.raises(PipelineError) as caught:
        contract_of({**columns, **Y}, rules)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_target_is_needed():
    with pytest.raises(PipelineError, match="exactly one column must have the role target"):
        contract_of({"a": {"role": "numeric"}})


CITY = {"role": "categorical", "values": ["Austin", "Seattle"]}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"role": "numeric", "follows": {"City": {}}}, "follows is for categorical columns"),
        (
            {"role": "categorical", "follows": {"City": {}, "Country": {}}},
            "names one other column",
        ),
        (
            {"role": "categorical", "values": ["WA"], "follows": {"City": {"Austin": "TX"}}},
            "leads to 'TX', which is not in values",
        ),
        ({"role": "categorical", "follows": {"a": {}}}, "'a' is no categorical column"),
        ({"role": "categorical", "follows": {"State": {}}}, "'State' is no categorical column"),
        ({"role": "categorical", "unit": "$"}, "a unit is for numeric columns"),
    ],
)
def test_what_a_column_cannot_follow_or_be_measured_in(state, message):
    columns = {"City": CITY, "State": state, "a": {"role": "numeric"}, **Y}
    with pytest.raises(PipelineError, match=message):
        contract_of(columns)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("a +", r"breakdown\.Part"),
        ("y", "'y' is not a numeric column"),
        ("City", "'City' is not a numeric column"),
    ],
)
def test_a_breakdown_reads_numeric_columns_only(part, message):
    tree = {"columns": {"City": CITY, "a": {"role": "numeric"}, **Y}, "breakdown": {"Part": part}}
    with pytest.raises(PipelineError, match=message):
        params.validate(tree, Contract, "contract")


def test_the_committed_breakdown_is_the_identity(contract, orders):
    from sales.contract.expressions import Expression

    total = sum(
        Expression.parse(text, label).evaluate({n: orders[n].to_numpy() for n in orders})
        for label, text in contract.breakdown.items()
    )
    assert abs(total - orders["TotalAmount"]).max() < 0.01
