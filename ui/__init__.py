"""The page: people predict, score files, compare and switch models in a browser."""
