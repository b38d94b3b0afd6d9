"""What people call a table, its rows and its models: guessed from the file's name."""

import re
import unicodedata
from pathlib import PurePosixPath

from sales.data.reading import packing


def stem(path: str) -> str:
    """Return a file's name without what kind of file it is.

    >>> stem("s3://shop/Used cars-2024.csv.gz"), stem("trips.parquet/")
    ('Used cars-2024', 'trips')
    """
    name = PurePosixPath(path).name
    return name.removesuffix(packing.of(name.lower()) or "").rsplit(".", 1)[0] or name


def called(path: str) -> dict[str, str | None]:
    """Return the contract's `called`.

    >>> called("used_cars.csv")
    {'title': 'Used cars', 'row': 'used car', 'rows': 'used cars', 'question': None}
    >>> called("export-2024.csv")["row"]
    'row'
    """
    words = re.findall(r"[^\W\d_]+", stem(path))
    title = " ".join(words).capitalize() or "Predictions"
    rows = " ".join(words).lower()
    row = _one(rows)
    if row is None or len(rows) > 40:
        return {"title": title[:60], "row": "row", "rows": "rows", "question": None}
    return {"title": title[:60], "row": row, "rows": rows, "question": None}


def _one(rows: str) -> str | None:
    """Return the singular of a plural of English, None of what does not look like one."""
    if rows.endswith("ies") and len(rows) > 4:
        return f"{rows[:-3]}y"
    if rows.endswith(("sses", "shes", "ches", "xes")):
        return rows[:-2]
    if rows.endswith("s") and not rows.endswith(("ss", "us", "is")) and len(rows) > 3:
        return rows[:-1]
    return None


def identifier(*words: str) -> str:
    """Return a name of letters, digits and underscores.

    >>> identifier("Used cars", "price in €", "regressor")
    'used_cars_price_in_regressor'
    """
    plain = unicodedata.normalize("NFKD", " ".join(words)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")[:80] or "model"
