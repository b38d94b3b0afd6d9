"""A folder that changes as a whole: its next generation is built beside it, then takes its place.

`state/registry` is a symbolic link to the current folder in `state/generations/`. All that must
agree lies in there, and one rename of the link is the only moment of change: whoever reads through
the link sees all of the old state or all of the new one, whatever happened to the writer.
"""

import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sales.errors import PipelineError

FOLDER = "generations"  # beside the link


@contextmanager
def changing(link: Path) -> Iterator[Path]:
    """Yield a copy of the folder behind `link`, which takes its place when the block succeeds.

    If the block raises, or the process dies, the folder behind the link is what it was. SQLite
    databases (`*.db`) are copied by SQLite itself, so that a reader or writer meanwhile is none
    the wiser; but a write that came between copy and change would be lost, and raises
    PipelineError instead. Callers hold a lock; without a folder the first is an empty one.
    """
    generations = link.parent / FOLDER
    now = link.resolve() if link.is_symlink() else None
    number = _number(now) if now else 0
    _sweep(generations, now)
    # Never the name of one that failed: MLflow may still hold that one's database open.
    beside = generations / f"{number + 1:06d}-{secrets.token_hex(4)}"
    watched: list[tuple[Path, sqlite3.Connection, int]] = []
    try:
        if now and now.is_dir():
            shutil.copytree(now, beside, ignore=shutil.ignore_patterns("*.db", "*.db-*"))
            watched = [_copied(database, beside) for database in sorted(now.glob("*.db"))]
        else:
            beside.mkdir(parents=True)
        yield beside
        for path, source, version in watched:
            if _version(source) != version:
                raise PipelineError(
                    f"{path} was written to meanwhile, by the MLflow UI say: nothing was "
                    "changed, run it again"
                )
        for database in beside.glob("*.db"):
            with database.open("rb") as written:
                os.fsync(written)  # on the disk before the link that names it
        waiting = link.with_name(f".{link.name}.next")
        waiting.unlink(missing_ok=True)
        waiting.symlink_to(Path(FOLDER) / beside.name)
        waiting.replace(link)
    except BaseException:
        if not link.is_symlink() or link.resolve() != beside.resolve():
            shutil.rmtree(beside, ignore_errors=True)
        raise
    finally:
        for _, source, _ in watched:
            source.close()


def linked(at: Path, to: Path) -> None:
    """Make `at` a relative symbolic link to `to`; what lay there before goes."""
    target = os.path.relpath(to.absolute(), at.parent.absolute())
    if at.is_symlink() and str(at.readlink()) == target:
        return
    at.parent.mkdir(parents=True, exist_ok=True)
    if at.is_dir() and not at.is_symlink():
        shutil.rmtree(at)
    beside = at.with_name(f".{at.name}.next")
    beside.unlink(missing_ok=True)
    beside.symlink_to(target)
    beside.replace(at)


def _number(generation: Path) -> int:
    return int(generation.name.partition("-")[0])


def _sweep(generations: Path, now: Path | None) -> None:
    """Remove what no link will name again; the last one stays for those who are reading it."""
    for folder in generations.iterdir() if generations.is_dir() else ():
        if now is None or (folder.name != now.name and _number(folder) != _number(now) - 1):
            shutil.rmtree(folder)


def _copied(database: Path, into: Path) -> tuple[Path, sqlite3.Connection, int]:
    """Copy a database; return it, a connection that watches it, and its version when copied."""
    source = sqlite3.connect(database)
    version = _version(source)
    with closing(sqlite3.connect(into / database.name)) as copy:
        source.backup(copy)
    return database, source, version


def _version(connection: sqlite3.Connection) -> int:
    """Return a number that changes when another connection writes to the database."""
    return connection.execute("PRAGMA data_version").fetchone()[0]
