"""Lists and files that wait together become few tables, each row kept as it would be alone."""

import json

import pandas as pd
import pytest

from sales.serving import answering
from sales.serving.keeping import Many
from sales.serving.on_trial import OnTrial, Told
from sales.watching import rows
from sales.watching.row_keys import RowKeys
from tests.examples import PUBLISHED_ORDER, make_orders
from tests.kept import Keeping


def sent(count: int, seed: int, **changes) -> list[dict]:
    orders = make_orders(count, seed=seed)
    found = json.loads(orders.to_json(orient="records", date_format="iso", double_precision=15))
    return [{**order, **changes} for order in found]


def ask_them_all(service: Keeping, after_each) -> pd.DataFrame:
    """Send lists and files of each kind; return what is kept, by request id, but for its time."""
    without_id = [{k: v for k, v in order.items() if k != "OrderID"} for order in sent(4, 6)]
    bodies = [sent(7, 1), sent(3, 2, Quantity=50), sent(1, 3), without_id, [PUBLISHED_ORDER] * 2]
    asked = [("/predict_batch", json.dumps(body).encode()) for body in bodies]
    tables = [make_orders(count, seed=count) for count in (5, 2)]
    asked += [("/predict_file", table.to_csv(index=False).encode()) for table in tables]
    asked += [("/predict", json.dumps(PUBLISHED_ORDER).encode())]
    for number, (route, body) in enumerate(asked):
        headers = {"X-Request-ID": f"r{number}"}
        assert service.ask("POST", route, content=body, headers=headers).status_code == 200
        after_each()
    return service.rows().drop(columns="time").set_index("request_id").sort_index()


@pytest.mark.parametrize("trial", [False, True])
def test_a_row_is_kept_as_it_would_be_if_nothing_else_waited(promoted, tmp_path, trial):
    found = []
    for name in ("together", "alone"):
        service = Keeping(promoted, tmp_path / name, SERVED_SECONDS="3600")
        if trial:
            models = service.models.models
            pair = (models[alias].model.content_hash for alias in ("champion", "challenger"))
            service.models.take(answering.load(promoted), Told(OnTrial("spring", *pair)))
        flush = service.log.flush if name == "alone" else lambda: None
        found.append(ask_them_all(service, flush))
    assert len(found[0]) == 7 + 3 + 1 + 4 + 2 + 5 + 2 + 1
    assert ("shadow.prediction" in found[0]) == trial
    pd.testing.assert_frame_equal(*(each[sorted(each.columns)] for each in found))


def drawn(
    served: answering.Served, orders: list[dict], route: str = "/predict_batch"
) -> rows.Drawn:
    body = json.dumps(orders).encode()
    answer = served.many(body, 100)
    told = Many(answer.orders, answer.told["predictions"], None, None, None, body)
    every = pd.RangeIndex(len(orders)).to_numpy()
    return rows.draw(route, "r", served, told, every, 1.0, RowKeys("OrderID", frozenset()))


def test_those_that_are_alike_come_together_up_to_so_many_rows(promoted):
    served = answering.load(promoted)["champion"]
    three = [drawn(served, sent(3, seed)) for seed in range(4)]
    found = list(rows.alike(three, most=7))
    assert found == [three[:2], three[2:]]
    assert list(rows.alike(three, most=1)) == [[one] for one in three]
    assert list(rows.alike([])) == []


def test_another_model_route_or_kind_of_column_is_a_table_of_its_own(promoted):
    models = answering.load(promoted)
    first = drawn(models["champion"], sent(2, 1))
    others = [
        drawn(models["challenger"], sent(2, 1)),
        drawn(models["champion"], sent(2, 1), "/predict_file"),
        drawn(models["champion"], [PUBLISHED_ORDER]),  # whose OrderID nobody sent
        first._replace(low=first.predictions, high=first.predictions),
        first._replace(orders={n: pd.Categorical(v) for n, v in first.orders.items()}),
    ]
    assert sorted(map(len, rows.alike([first, *others]))) == [1] * 6
    same = first._replace(orders={n: pd.Categorical(v) for n, v in first.orders.items()})
    assert list(rows.alike([others[-1], same])) == [[others[-1]], [same]]


def test_in_the_share_of_the_shadow_are_all_rows_of_a_request_or_none(promoted, tmp_path):
    service = Keeping(promoted, tmp_path, SERVED_SECONDS="3600", SHADOW_SHARE="0.5")
    for number in range(40):
        headers = {"X-Request-ID": f"r{number}"}
        service.ask("POST", "/predict_batch", json=sent(3, 1), headers=headers)
    kept = service.rows()
    there = kept["shadow.prediction"].notna()
    by_request = there.groupby(kept["request_id"].str.partition("-")[0]).sum()
    assert set(by_request) == {0, 3}
