"""One choice of the active alias, for all who look at it."""

from sales.serving import choice


def test_a_choice_is_seen_by_all_who_look_at_the_same_file(tmp_path):
    one, other = (choice.Active(tmp_path / "active") for _ in range(2))
    assert (one.alias(), other.alias()) == ("champion", "champion")
    for alias in ("challenger", "fallback", "champion", "challenger"):
        one.choose(alias)
        assert (one.alias(), other.alias()) == (alias, alias)
    late = choice.Active(tmp_path / "active")  # a worker that is started anew
    assert late.alias() == alias
