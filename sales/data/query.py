"""What is asked of a database for `ingest.source: sql`: the settings, and the statement they make.

The statement is always a SELECT around what was given: nothing else fits there, and what is sorted
is the result.
"""

import re
from typing import Annotated

from pydantic import Field, field_validator

from sales.data import database
from sales.errors import PipelineError
from sales.params import Group

NAME = Annotated[str, Field(min_length=1)]
WHERE = "params.yaml: ingest.sql"
# How a query may begin, after comments; whatever goes on otherwise cannot write all the same.
BEGINS = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(\w+|\()", re.DOTALL)
READING = ("SELECT", "WITH", "VALUES", "TABLE", "FROM", "(")


class SqlParams(Group):
    """See `ingest.sql` in params.yaml. Raises PipelineError for an address with a password."""

    url: NAME | None = None
    table: NAME | None = None
    query: NAME | None = None
    order_by: tuple[NAME, ...] = ()

    @field_validator("url")
    @classmethod
    def _without_password(cls, url: str | None) -> str | None:
        if url is not None:  # no ValueError: its line would tell the password
            database.refuse_password(url, f"{WHERE}.url")
        return url

    def refuse_incomplete(self) -> None:
        """Raise PipelineError where it is not said what to read, or from where."""
        if self.url is None:
            raise PipelineError(f"{WHERE}.url is empty: name a database, {database.FORMS}")
        if (self.table is None) == (self.query is None):
            which = "both" if self.table else "neither"
            raise PipelineError(f"{WHERE}: name a table or a query, not {which}")
        begins = BEGINS.match(self.query or "SELECT")
        if begins is None or begins[1].upper() not in READING:
            raise PipelineError(
                f"{WHERE}.query is no SELECT, and nothing else is asked: {(self.query or '')[:60]}"
            )

    @property
    def name(self) -> str:
        """What the rows are called in data/raw/ and in the quarantine."""
        named = (self.table or "query").replace("/", "_")
        return named.lstrip(".") or "table"

    @property
    def statement(self) -> str:
        """The SQL that is sent."""
        by = ", ".join(map(database.quoted_part, self.order_by))
        return f"{self.rows} ORDER BY {by}" if by else self.rows

    @property
    def rows(self) -> str:
        """The SQL for the rows, in whatever order."""
        if self.table:
            return f"SELECT * FROM {database.quoted(self.table)}"  # noqa: S608 (quoted)
        # A comment may end the query: what follows begins a line of its own.
        query = (self.query or "").strip().rstrip("; \t\r\n")
        return f"SELECT * FROM (\n{query}\n) AS asked"  # noqa: S608 (it is the user's own)
