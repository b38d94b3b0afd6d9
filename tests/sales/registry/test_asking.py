"""What is asked again of an MLflow server, and what it says, in a line."""

import pytest
from mlflow.exceptions import MlflowException

from sales.registry import asking

SECOND = (
    '(psycopg.errors.UniqueViolation) duplicate key value violates "experiment_tag_pk"',
    "(sqlite3.IntegrityError) UNIQUE constraint failed: experiment_tags.key",
    "Model Version creation error (name=a). Giving up after 3 attempts.",
)


class Asked:
    """Refuses so many times, with these words."""

    def __init__(self, times: int, words: str) -> None:
        self.times, self.words, self.heard = times, words, 0

    def __call__(self, *told: str, **named: str) -> tuple[object, ...]:
        self.heard += 1
        if self.heard <= self.times:
            raise MlflowException(self.words)
        return told, named


@pytest.mark.parametrize("words", SECOND)
def test_the_second_of_two_who_write_the_same_asks_again(words):
    asked = Asked(2, words)
    assert asking.with_others(asked, "key", to="value") == (("key",), {"to": "value"})
    assert asked.heard == 3


@pytest.mark.parametrize(("words", "times"), [(SECOND[0], asking.TIMES), ("no such key", 1)])
def test_what_does_not_end_or_is_another_refusal_is_raised(words, times):
    asked = Asked(100, words)
    with pytest.raises(MlflowException) as refused:
        asking.with_others(asked)
    assert (asked.heard, str(refused.value)) == (times, words)
