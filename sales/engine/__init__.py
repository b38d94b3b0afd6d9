"""Where a table's partitions are worked on: here, or on a Dask cluster. Imports the ground only."""

from sales.engine.execution import Engine, Local, RunParams, started

__all__ = ["Engine", "Local", "RunParams", "started"]
