"""Where a table's partitions are worked on: in this process, or on a Dask cluster.

A stage gives the engine a function of one partition, and the partitions; what comes back are small
summaries, in their order, that the stage merges. Local, the default, has one partition a table and
imports no Dask. On a cluster the tables lie in files that every worker sees at the same path:
neither rows nor models travel over the network, but where rows must meet (`together`).
"""

import importlib.util
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from pydantic import Field

from sales import params
from sales.errors import PipelineError
from sales.params import Group

if TYPE_CHECKING:
    import pandas as pd

    from sales.engine.partitions import Kept

Result = TypeVar("Result")


class RunParams(Group):
    """See `run` in params.yaml."""

    engine: Literal["local", "dask"]
    workers: int = Field(ge=1)
    worker_memory: str = Field(pattern=r"^\d+(\.\d+)? ?[KMGT]i?B$")
    partition_rows: int = Field(ge=100)
    sample_rows: int = Field(ge=1000)


class Engine(Protocol):
    """What a stage asks of either engine.

    On one machine there is no client, and a table is one file: no `partition_rows`.
    """

    @property
    def client(self) -> Any:
        """Dask's client; None on one machine."""

    @property
    def partition_rows(self) -> int | None:
        """The most rows of a partition."""

    def map(
        self, function: Callable[..., Result], *items: Iterable[Any], what: str
    ) -> list[Result]:
        """Return the function's results for each item of the (equally long) iterables, in order.

        `what` says what is done, for the progress bar and for errors.
        """

    def together(
        self,
        function: "Callable[[pd.DataFrame], pd.DataFrame]",
        tables: "Sequence[Kept]",
        *,
        key: str,
        what: str,
    ) -> "pd.DataFrame":
        """Return the function's rows over tables in which all rows of one key stand together.

        It must answer an empty table with its columns; the order of rows is no one's promise.
        """


class Local:
    """The process itself, partition after partition."""

    client: Any = None
    partition_rows: int | None = None

    def map(
        self,
        function: Callable[..., Result],
        *items: Iterable[Any],
        what: str,  # noqa: ARG002
    ) -> list[Result]:
        """Return the function's results."""
        return [function(*each) for each in zip(*items, strict=True)]

    def together(
        self,
        function: "Callable[[pd.DataFrame], pd.DataFrame]",
        tables: "Sequence[Kept]",
        *,
        key: str,  # noqa: ARG002
        what: str,  # noqa: ARG002
    ) -> "pd.DataFrame":
        """Return the function's rows over all tables as one."""
        import pandas as pd  # here, not above: ingest, which has no tables yet, starts sooner

        from sales.engine.partitions import kept

        return function(pd.concat([kept(table) for table in tables], ignore_index=True))


@contextmanager
def started() -> Iterator[Engine]:
    """Yield the engine that `run.engine` names; a cluster of our own ends with the block.

    A stage gives it a function of one partition, and merges what comes back:

    >>> with started() as engine:  # `run.engine` is local
    ...     engine.map(len, [["a", "b"], ["c"]], what="counted")
    [2, 1]
    """
    settings = params.read("run", RunParams)
    if settings.engine == "local":
        yield Local()
        return
    if importlib.util.find_spec("distributed") is None:
        raise PipelineError("run.engine is dask, but Dask is not installed: `make setup-cluster`")
    from sales.engine.cluster import started as joined

    with joined(settings.workers, settings.worker_memory, settings.partition_rows) as on:
        yield on
