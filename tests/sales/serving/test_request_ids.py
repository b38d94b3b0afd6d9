"""Ids of requests and rows."""

import pytest

from sales.serving import request_ids


def test_new_ids_differ_and_stand_in_the_order_in_which_they_were_made():
    made = [request_ids.new() for _ in range(2_000)]
    assert len(set(made)) == len(made)
    assert {len(one) for one in made} == {24}
    times = [one[:12] for one in made]
    assert times == sorted(times)


@pytest.mark.parametrize("sent", [b"a", b"checkout-17", b"7f3c:A/b.c_d+e=f@g", b"x" * 100])
def test_a_clients_own_is_taken(sent):
    assert request_ids.of([(b"host", b"api"), (b"x-request-id", sent)]) == sent.decode()


@pytest.mark.parametrize(
    "sent", [b"", b"x" * 101, b"two words", b"=SUM(A1)", b"-1", b"caf\xc3\xa9", b"a\tb", b"a\xff"]
)
def test_an_unfit_one_gives_way_to_a_new_one(sent):
    assert len(request_ids.of([(b"x-request-id", sent)])) == 24
    assert len(request_ids.of([])) == 24
