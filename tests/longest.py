"""The files whose tests take longest, the longest first.

The processes that share the suite take the next file as soon as they have done with one. By this
order none begins with a long one when the others are about to end.
"""

import pytest

# Those beyond ten seconds of a quiet machine with two cores. The first ones need a project of the
# small pipeline, or not, in turn: who needs it while another one makes it waits.
FILES = (
    "tests/test_end_to_end.py",
    "tests/stages/test_crashes.py",
    "tests/ui/test_in_browser.py",
    "tests/test_experiments.py",
    "tests/test_service_registry.py",
    "tests/stages/test_stage_register.py",
    "tests/stages/test_team.py",
    "tests/test_readme.py",
    "tests/test_service_follows.py",
    "tests/stages/test_stage_champion.py",
    "tests/test_tutorial.py",
    "tests/test_backtest_pipeline.py",
    "tests/stages/test_team_with_accounts.py",
    "tests/stages/test_team_for_real.py",
    "tests/test_team_page.py",
    "tests/stages/test_stage_backtest.py",
    "tests/stages/test_cuts.py",
    "tests/test_retraining_page.py",
    "tests/stages/test_approval.py",
    "tests/stages/test_stage_retrain.py",
    "tests/stages/test_stage_train.py",
    "tests/ui/test_states.py",
    "tests/stages/test_lost_workers.py",
    "tests/test_service_served.py",
    "tests/test_service_metrics.py",
    "tests/sales/estimators/test_on_cluster.py",
    "tests/test_mlflow_in_browser.py",
    "tests/test_service.py",
    "tests/stages/test_both_engines.py",
    "tests/sales/estimators/test_estimators.py",
    "tests/stages/test_unseen_rows.py",
    "tests/ui/test_predict.py",
    "tests/test_service_in_browser.py",
    "tests/stages/test_stage_score.py",
    "tests/test_service_schemathesis.py",
    "tests/test_makefile.py",
    "tests/test_service_http.py",
    "tests/test_service_disk.py",
    "tests/test_other_tables.py",
    "tests/test_doctests.py",
    "tests/ui/test_models.py",
)


def first(items: list[pytest.Item]) -> None:
    """Put their tests before all others; within a file the order stays."""
    places = {file: place for place, file in enumerate(FILES)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(FILES)))
