"""The champion before today's rows; how it is scored is tried in test_stage_champion.py."""

from types import SimpleNamespace

import pytest

from sales.errors import PipelineError
from sales.registry.incumbent import refuse_strange


def test_a_column_that_todays_data_lacks_is_named():
    about = SimpleNamespace(request_fields=("UnitPrice", "Quantity"), target="TotalAmount")
    refuse_strange(about, ["TotalAmount", "Quantity", "UnitPrice", "More"])
    with pytest.raises(PipelineError, match="today's data has no column 'Quantity'"):
        refuse_strange(about, ["TotalAmount"])
    with pytest.raises(PipelineError, match="today's data has no column 'TotalAmount'"):
        refuse_strange(about, ["Quantity", "UnitPrice"])
