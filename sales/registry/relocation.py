"""Where MLflow's database says that things lie: in this project, wherever that has come to lie.

MLflow writes down absolute addresses. In a project that was copied or moved they are those of the
old place: new artifacts would go there, and old ones be looked for there.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

from sales.errors import PipelineError

ADDRESSES = {
    "experiments": ("artifact_location",),
    "runs": ("artifact_uri",),
    "logged_models": ("artifact_location",),
    "model_versions": ("source", "storage_location"),
}


def refuse_strange(folder: Path) -> None:
    """Raise PipelineError where MLflow could not open a database in the folder.

    It takes the path for a part of an address, in which `?` and `%2F` mean something else; and
    writes it into SQL, where both kinds of quotes at once are too much.
    """
    path = str(folder)
    if "?" in path or unquote(path) != path or {"'", '"'} <= {*path} or not path.isprintable():
        raise PipelineError(
            f"MLflow can keep no database in {path!a}: rename the folder, so that it has no '?', "
            "no '%' before two digits and no quotes in its name, or set SALES_STATE to another one"
        )


def follow(database: Path, artifacts: Path) -> bool:
    """Let all addresses of an artifacts folder in another place name this one.

    Return whether there were any. The database must be one that nobody reads, as the copy is that
    becomes the next generation.
    """
    if not database.is_file():
        return False
    here = artifacts.resolve().as_uri()
    with closing(sqlite3.connect(database)) as connection, connection:
        ours = "artifact_location LIKE 'file://%/' || ? AND artifact_location != ?"
        found = connection.execute(
            f"SELECT DISTINCT artifact_location FROM experiments WHERE {ours}",  # noqa: S608
            [artifacts.name, here],
        ).fetchall()
        for (there,) in found:
            for table, columns in ADDRESSES.items():
                for column in columns:
                    connection.execute(
                        f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608
                        f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                        [here, len(there) + 1, there, len(there) + 1, f"{there}/"],
                    )
    return bool(found)
