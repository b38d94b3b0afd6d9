"""What the field's terms mean in words, and the exact term for those who look for it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """A term as it is said, and what it is called exactly."""

    said: str
    exactly: str


RMSE = Term("Typical error", "RMSE: the root of the mean squared error. Large errors count more.")
MAE = Term("Average error", "MAE: the mean of the errors' sizes.")
R2 = Term("Variation explained", "R²: the share of the target's variance that is predicted.")

TRAIN = Term("Learnt from", "Train rows: what the models were fitted to.")
VALID = Term("Tuned on", "Valid rows: they decide when to stop, and which model is best.")
TEST = Term("Judged by", "Test rows: no model saw them before it was judged.")
READ = Term("Rows read", "All rows that came in.")
ACCEPTED = Term("Accepted", "Rows that kept the contract of params.yaml.")
SET_ASIDE = Term("Set aside", "Quarantined: rows that broke the contract of params.yaml.")

# The gate's rules as params.yaml names them: in words, and what their number is measured in.
# `unit` is the target's own; R² is said in percent.
RULES = {
    "min_test_r2": ("Variation explained", "share"),
    "max_test_rmse": ("Typical error", "unit"),
    "max_test_rmse_pct": ("Typical error, in percent of the spread", "%"),
    "max_generalization_gap_pct": ("How much worse on new rows than on known ones", "%"),
    "max_negative_prediction_pct": ("Predictions below zero", "%"),
    "min_skill_pct": ("Error saved, against always saying the average", "%"),
    "max_slice_rmse_ratio": ("Error in the worst group, in times that of all", "times"),
    "max_inclusion_ratio": (
        "Error in the worst of the named groups, in times that of all, beyond chance",
        "times",
    ),
    "max_behaviour_violation_pct": ("Predictions that move the wrong way", "%"),
    "max_coverage_shortfall_pct": (
        "How far the share within its range falls short of its promise, beyond chance",
        "points",
    ),
    "max_model_mb": ("Size of the model", "MB"),
}
