"""Which of today's test rows champion and candidate are compared on, in words."""

import numpy as np
import pytest

from sales.registry import comparison
from sales.registry.comparison import Known

RECORD = np.array([1, 2], np.uint32)


@pytest.mark.parametrize(
    ("known", "new", "told", "unseen"),
    [
        (Known("by hash"), 100, "100 rows that neither learnt from (by hash)", True),
        (Known("by the record", RECORD), 40, "40 rows that neither learnt from", True),
        (Known("by the record", RECORD), 29, "only 29 of them are new to it", False),
        (Known("nobody noted it", certain=False), 100, "the champion may have learnt", False),
    ],
)
def test_those_that_neither_learnt_from_if_they_are_enough(known, new, told, unseen):
    on, alone = comparison._which(known, np.arange(100) < new, 30)
    assert told in on
    assert alone == unseen


def test_few_test_rows_that_are_all_new_are_not_said_to_be_learnt_from():
    """Of a small table: what so few rows cannot tell, the interval says."""
    on, alone = comparison._which(Known("by hash"), np.ones(20, bool), 30)
    assert (on, alone) == ("20 rows that neither learnt from (by hash)", True)
