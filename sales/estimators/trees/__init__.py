"""Tree ensembles, whatever library grew them: their file, one row's way through them, and why."""
