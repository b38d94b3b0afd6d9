"""A model's plots as pictures, which MLflow's page shows beside its run.

`dvc plots` draws the same tables for all models together; here each run brings its own, as PNG.
"""

import io
import multiprocessing
import os
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from sales.models import state
from sales.registry.today import CURVE, plotted

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE, MARGINS = (7.0, 4.5), {"left": 0.12, "right": 0.97, "bottom": 0.12, "top": 0.92}  # inches
NAMES = 0.32  # of the width, for names beside bars
FEATURES, LETTERS = 15, 30  # the most important ones that are drawn; of a name that are shown
FONTS = "MPLCONFIGDIR"  # Matplotlib's own variable: where it keeps what it knows of them
TRAIN, VALID = "#4c78a8", "#f58518"
COLOURS = {"train": TRAIN, "valid": VALID}

# What gives a model's pictures by file name, from its tables by name.
Pictures = Callable[[str, "Mapping[str, pd.DataFrame]"], dict[str, bytes]]
Drawn = tuple[str, dict[str, bytes]]  # a model, and its pictures by file name


@contextmanager
def here(models: Sequence[str]) -> Iterator[Pictures]:  # noqa: ARG001
    """Yield what draws each model when it is asked for."""
    yield of


@contextmanager
def beside(models: Sequence[str]) -> Iterator[Pictures]:
    """Yield the same from a process that has begun to draw the models of today's run.

    They take as long as MLflow takes to import and to make its database. Should that process fail,
    each is drawn when it is asked for.
    """
    processes = multiprocessing.get_context("spawn")
    receiver, sender = processes.Pipe(duplex=False)
    other = processes.Process(target=_draw, args=(sender, list(models)), daemon=True)
    other.start()
    sender.close()
    came: queue.SimpleQueue[Drawn | None] = queue.SimpleQueue()
    reader = threading.Thread(target=_take, args=(receiver, came), daemon=True)
    reader.start()
    drawn: dict[str, dict[str, bytes]] = {}
    others_to_come = True

    def pictures(model: str, tables: "Mapping[str, pd.DataFrame]") -> dict[str, bytes]:
        nonlocal others_to_come
        while others_to_come and model not in drawn:
            one = came.get()
            others_to_come = one is not None
            drawn.update([one] if one else [])
        return drawn[model] if model in drawn else of(model, tables)

    try:
        yield pictures
    finally:
        other.kill()
        other.join()
        reader.join()
        receiver.close()


def _take(receiver: Connection, came: "queue.SimpleQueue[Drawn | None]") -> None:
    """Pass on what the other process sends, as a pipe holds less than one; None when it ended.

    An OSError is its end in the middle of a message.
    """
    with suppress(EOFError, OSError):
        while True:
            came.put(receiver.recv())
    came.put(None)


def _draw(to: Connection, models: Sequence[str]) -> None:
    """Send each model and its pictures as soon as they are drawn."""
    with suppress(BrokenPipeError):  # who asked is gone
        for model in models:
            to.send((model, of(model, plotted(model))))


def of(model: str, tables: "Mapping[str, pd.DataFrame]") -> dict[str, bytes]:
    """Return a model's pictures by file name: PNG, of those of its tables that have rows.

    The tables are its rows of what `evaluate` wrote, by name, and its `learning_curve`.
    """
    Figure = _figures()
    found = {}
    for name, (table, title, draw) in _PICTURES.items():
        rows = tables.get(table)
        if rows is None or rows.empty:
            continue
        figure = Figure(figsize=SIZE)
        figure.subplots_adjust(**MARGINS)
        axes = figure.add_subplot()
        axes.set_title(f"{model}: {title}")
        draw(axes, rows)
        png = io.BytesIO()
        figure.savefig(png, format="png", pil_kwargs={"compress_level": 1})  # to press takes long
        found[f"{name}.png"] = png.getvalue()
    return found


def _figures() -> "type[Figure]":
    """Return Matplotlib's figure, which draws by itself: nothing is opened, nothing is shown.

    On import it looks for fonts, and keeps the list: with the project's state, not in the user's
    home.
    """
    own = FONTS not in os.environ
    if own:
        os.environ[FONTS] = str((state.state_folder() / "matplotlib").resolve())
    try:
        import matplotlib.font_manager  # noqa: F401
        from matplotlib.figure import Figure
    finally:
        if own:
            del os.environ[FONTS]
    return Figure


def _learning_curve(axes: "Axes", rows: "pd.DataFrame") -> None:
    for split, of_split in rows.groupby("split", sort=False):
        axes.plot(
            of_split["step"],
            of_split["rmse"],
            label=str(split),
            color=COLOURS.get(str(split)),
            marker="." if len(of_split) < FEATURES else "",
        )
    if (rows["rmse"] > 0).all():
        axes.set_yscale("log")
        axes.minorticks_off()  # to letter them takes as long as the rest
    axes.set(xlabel="trees, rounds or rows, as the model learns", ylabel="RMSE")
    axes.legend()


def _predicted(axes: "Axes", rows: "pd.DataFrame") -> None:
    low, high = rows["true"].min(), rows["true"].max()
    axes.plot([low, high], [low, high], color="grey", linewidth=1)
    axes.plot(rows["true"], rows["predicted"], ".", markersize=3, color=TRAIN)
    axes.set(xlabel="true target", ylabel="predicted target")


def _residuals(axes: "Axes", rows: "pd.DataFrame") -> None:
    axes.axhline(0, color="grey", linewidth=1)
    axes.plot(rows["predicted"], rows["residual"], ".", markersize=3, color=TRAIN)
    axes.set(xlabel="predicted target", ylabel="predicted - true")


def _importance(axes: "Axes", rows: "pd.DataFrame") -> None:
    most = rows[:FEATURES][::-1]  # bars are drawn from below
    places = range(len(most))
    axes.figure.subplots_adjust(left=NAMES)
    axes.barh(places, most["importance"], color=TRAIN)
    shown = [
        name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…" for name in most["feature"]
    ]
    axes.set_yticks(places, shown, parse_math=False)
    axes.set(xlabel="RMSE added when the column is shuffled")


Draw = Callable[["Axes", "pd.DataFrame"], None]
# By file name: the table, what the title says, and who draws it.
_PICTURES: Mapping[str, tuple[str, str, Draw]] = {
    CURVE: (CURVE, "RMSE as it learns", _learning_curve),
    "predicted": ("predictions", "predicted against true, on test rows", _predicted),
    "residuals": ("predictions", "residuals against predicted, on test rows", _residuals),
    "importance": ("importance", "feature importance", _importance),
}
