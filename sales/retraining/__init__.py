"""Whether it is time to train again: triggers, cooldown, and how a retraining ended."""
