"""How good a model is: scores, charts, gates, the card. Imports models and the rooms below it."""
