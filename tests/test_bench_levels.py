"""What `make bench-levels` measures, and how it tells how cost grows."""

import numpy as np

from bench import levels


def test_every_level_is_there_and_its_effect_can_be_learnt():
    made = levels.table(2_000, 1_000)
    assert made["level"].nunique() == 1_000
    for encoded, sizes in ((levels.WAYS["codes"], None), (levels.WAYS["one number"], (0, 0, 0, 0))):
        data = levels.featurised(made, encoded)
        assert (len(data.y), len(data.y_valid)) == (1600, 400)
        assert np.isfinite(data.X).all()
        if sizes:
            assert data.levels == sizes
            assert np.corrcoef(data.X_valid[:, 0], data.y_valid)[0, 1] > 0.2
        else:
            assert data.levels[0] > 0


def test_the_table_tells_how_cost_grows():
    seconds = {"codes": {"xgboost": [1.0, 1.0, 100.0]}}
    told = levels.as_markdown(1_000, (10, 100, 1_000), seconds)
    assert "| codes | `xgboost` | 1.00 | 1.00 | 100.00 | 1.00 | 2.00 |" in told
