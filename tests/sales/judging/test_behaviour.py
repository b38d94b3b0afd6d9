"""Whether predictions move the right way, on models that are known functions."""

from types import SimpleNamespace

import numpy as np
import pytest

from sales.errors import PipelineError
from sales.judging.behaviour import Behaviour, violations

HIGHER_PRICE = Behaviour(column="UnitPrice", becomes="UnitPrice * 1.1", prediction="up")
LARGER_DISCOUNT = Behaviour(column="Discount", becomes="Discount + 0.05", prediction="down")


def share(predict, orders, fields=("UnitPrice", "Discount"), **rules):
    model = SimpleNamespace(predict=predict, featuriser=SimpleNamespace(request_fields=fields))
    return violations(model, orders, predict(orders), rules)


def net(orders):
    return (orders["UnitPrice"] * (1 - orders["Discount"])).to_numpy()


def test_a_sane_price_never_moves_the_wrong_way(orders):
    rules = {"higher_price": HIGHER_PRICE, "larger_discount": LARGER_DISCOUNT}
    assert share(net, orders, **rules) == {"higher_price": 0.0, "larger_discount": 0.0}


def test_wrong_ways_are_counted(orders):
    def wrong_above_300(rows):
        return np.where(rows["UnitPrice"] > 300, -rows["UnitPrice"], rows["UnitPrice"])

    found = share(wrong_above_300, orders, higher_price=HIGHER_PRICE)
    crossing = 100 * (orders["UnitPrice"] * 1.1 > 300).mean()
    assert found == {"higher_price": pytest.approx(crossing)}


def test_a_prediction_that_is_no_number_moves_the_wrong_way(orders):
    found = share(lambda rows: np.full(len(rows), np.nan), orders, higher_price=HIGHER_PRICE)
    assert found == {"higher_price": 100.0}


def test_a_column_that_the_model_does_not_see_is_left_out(orders):
    assert share(net, orders, fields=("Discount",), higher_price=HIGHER_PRICE) == {}


def test_an_unknown_column_is_named(orders):
    rule = Behaviour(column="Colour", becomes="Colour * 2", prediction="up")
    with pytest.raises(PipelineError, match=r"evaluate\.behaviour\.x: the data has no column 'Co"):
        share(net, orders, x=rule)
