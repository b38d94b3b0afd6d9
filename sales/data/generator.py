"""A seeded generator of orders with the distribution of the public file.

So that a fresh machine needs no download. Only stages/ingest.py imports it: nothing else of the
project knows this data set. Columns are drawn one by one from a stream of PCG64, by elementwise
arithmetic only, so that (rows, seed) gives the same bytes on every machine. Each block of a million
orders has a stream of its own, 2^127 draws further on: whoever needs one draws no other.
From a day on orders may be others (`drift.py`): what is drawn for that comes after all else.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from sales.data import drift
from sales.data.drift import DAYS, FIRST_DAY, DriftParams
from sales.errors import PipelineError

CUSTOMERS, SELLERS = 50_000, 1_999
BLOCK = 1_000_000  # orders

FIRST_NAMES = [
    "Aditi",
    "Alex",
    "Chen",
    "Diego",
    "Emma",
    "Fatima",
    "Grace",
    "Hiro",
    "Ines",
    "Jonas",
    "Kavya",
    "Liam",
    "Maria",
    "Nadia",
    "Omar",
    "Priya",
    "Ravi",
    "Sofia",
    "Tomas",
    "Yara",
]
LAST_NAMES = ["Brown", "Das", "Fischer", "Garcia", "Ito", "Iyer", "Khan", "Lopez", "Mehta", "Novak"]
PRODUCTS = [
    "Alarm Clock",
    "Baking Tray",
    "Beanie",
    "Bicycle Bell",
    "Blender",
    "Bookend",
    "Camping Stove",
    "Card Game",
    "Coffee Grinder",
    "Cotton Socks",
    "Desk Fan",
    "Dumbbell Pair",
    "E-Reader",
    "Electric Toothbrush",
    "Football",
    "Frying Pan",
    "Garden Gloves",
    "Guitar Strings",
    "Hair Dryer",
    "Hiking Boots",
    "Ink Cartridge",
    "Jump Rope",
    "Keyboard Cover",
    "Kite",
    "Lunch Box",
    "Model Train",
    "Mountain Poster",
    "Notebook",
    "Paint Set",
    "Phone Stand",
    "Picture Frame",
    "Plush Bear",
    "Pocket Atlas",
    "Rain Coat",
    "Reading Lamp",
    "Rice Cooker",
    "Scarf",
    "Screen Protector",
    "Sewing Kit",
    "Skateboard",
    "Sleeping Bag",
    "Soap Dispenser",
    "Soundbar",
    "Spice Rack",
    "Tablet Sleeve",
    "Tea Pot",
    "Tennis Racket",
    "Toolbox",
    "Travel Pillow",
    "Wall Clock",
]
CATEGORIES = [
    "Books",
    "Clothing",
    "Electronics",
    "Home & Kitchen",
    "Sports & Outdoors",
    "Toys & Games",
]
BRANDS = [
    "Apex",
    "BrightLux",
    "CoreTech",
    "FitLife",
    "HomeEase",
    "KiddoFun",
    "NexPro",
    "ReadMore",
    "UrbanStyle",
    "Zenith",
]
CITIES = {  # a city fixes its state
    "Austin": "TX",
    "Charlotte": "NC",
    "Chicago": "IL",
    "Columbus": "OH",
    "Dallas": "TX",
    "Denver": "CO",
    "Fort Worth": "TX",
    "Houston": "TX",
    "Indianapolis": "IN",
    "Jacksonville": "FL",
    "Los Angeles": "CA",
    "New York": "NY",
    "Philadelphia": "PA",
    "Phoenix": "AZ",
    "San Antonio": "TX",
    "San Diego": "CA",
    "San Francisco": "CA",
    "San Jose": "CA",
    "Seattle": "WA",
    "Washington": "DC",
}
# Values with their weights in percent.
DISCOUNTS = {0.0: 40, 0.05: 20, 0.1: 15, 0.15: 10, 0.2: 8, 0.25: 5, 0.3: 2}
TAX_RATES = {0.0: 10, 0.05: 30, 0.08: 30, 0.12: 20, 0.18: 10}
PAYMENTS = {
    "Credit Card": 35,
    "Debit Card": 20,
    "Amazon Pay": 15,
    "UPI": 15,
    "Net Banking": 10,
    "Cash on Delivery": 5,
}
STATUSES = {"Delivered": 75, "Shipped": 15, "Pending": 4, "Returned": 3, "Cancelled": 3}
COUNTRIES = {
    "United States": 70,
    "India": 15,
    "Canada": 6,
    "United Kingdom": 5,
    "Australia": 4,
}


STEADY = DriftParams()


def generate(rows: int, seed: int, changes: DriftParams = STEADY) -> pa.Table:
    """Return `rows` orders with the 20 columns of the public file, in its order, typed."""
    blocks_of = range(blocks(rows))
    return pa.concat_tables(generate_block(rows, seed, block, changes) for block in blocks_of)


def blocks(rows: int) -> int:
    """Return in how many blocks `rows` orders are drawn."""
    return -(-rows // BLOCK)


def generate_block(rows: int, seed: int, block: int, changes: DriftParams = STEADY) -> pa.Table:
    """Return a block of what `generate` returns, by its number from 0."""
    first = block * BLOCK
    rows = min(rows - first, BLOCK)
    rng = np.random.Generator(np.random.PCG64(seed).jumped(block))

    def uniform(count: int) -> np.ndarray:
        return rng.integers(0, count, rows, dtype=np.int32)

    def weighted(weights: Sequence[int]) -> np.ndarray:
        return np.repeat(np.arange(len(weights), dtype=np.int8), weights)[uniform(100)]

    # In the order in which they have always been drawn: another one would be other orders.
    quantity = 1 + uniform(5)
    price = rng.integers(500, 60_001, rows) / 100
    discount = np.array([*DISCOUNTS])[weighted([*DISCOUNTS.values()])]
    rate = np.array([*TAX_RATES])[weighted([*TAX_RATES.values()])]
    shipping = rng.integers(0, most_shipping(quantity * price) + 1) / 100
    product, city = uniform(len(PRODUCTS)), uniform(len(CITIES))
    name = uniform(len(FIRST_NAMES) * len(LAST_NAMES))
    days, customer = uniform(DAYS), uniform(CUSTOMERS)
    category, brand = uniform(len(CATEGORIES)), uniform(len(BRANDS))
    payment, status = weighted([*PAYMENTS.values()]), weighted([*STATUSES.values()])
    country, seller = weighted([*COUNTRIES.values()]), uniform(SELLERS)

    brands = BRANDS
    if changes.categories.day is not None:
        lots = uniform(drift.SHARE)
        drawn = drift.drawn_shares(lots, CATEGORIES, changes.categories.shares)
        category = np.where(days >= changes.categories.day, drawn, category)
    factor = drift.price_factors(days, changes.prices)
    if changes.brand.day is not None:
        lots = uniform(drift.SHARE)
        new = (days >= changes.brand.day) & (lots < round(drift.SHARE * changes.brand.share))
        brand, brands = np.where(new, len(BRANDS), brand), [*BRANDS, changes.brand.name]
        factor = np.where(new, changes.brand.price_factor, 1.0) * factor
    if changes.brand.day is not None or changes.prices.day is not None:
        before = most_shipping(quantity * price)
        price = np.where(factor == 1.0, price, np.maximum(np.round(price * factor, 2), 0.01))
        most = most_shipping(quantity * price)
        anew = rng.integers(0, most + 1) / 100
        shipping = np.where(most == before, shipping, anew)

    net = quantity * price * (1 - discount)
    tax = np.round(rate * quantity * price * (1 - discount), 2)
    states = sorted(set(CITIES.values()))
    state_of = np.array([states.index(state) for state in CITIES.values()], dtype=np.int8)

    columns = {
        "OrderID": _numbered("ORD", 1 + first, rows, 7),
        "OrderDate": pa.array(FIRST_DAY + days.astype("timedelta64[D]")),
        "CustomerID": _dictionary(customer, [f"CUST{i:06d}" for i in range(1, CUSTOMERS + 1)]),
        "CustomerName": _dictionary(
            name, [f"{first} {last}" for first in FIRST_NAMES for last in LAST_NAMES]
        ),
        "ProductID": _dictionary(product, [f"P{i:05d}" for i in range(1, len(PRODUCTS) + 1)]),
        "ProductName": _dictionary(product, PRODUCTS),
        "Category": _dictionary(category, CATEGORIES),
        "Brand": _dictionary(brand, brands),
        "Quantity": pa.array(quantity.astype(np.int64)),
        "UnitPrice": pa.array(price),
        "Discount": pa.array(discount),
        "Tax": pa.array(tax),
        "ShippingCost": pa.array(shipping),
        "TotalAmount": pa.array(np.round(net + tax + shipping, 2)),
        "PaymentMethod": _dictionary(payment, [*PAYMENTS]),
        "OrderStatus": _dictionary(status, [*STATUSES]),
        "City": _dictionary(city, [*CITIES]),
        "State": _dictionary(state_of[city], states),
        "Country": _dictionary(country, [*COUNTRIES]),
        "SellerID": _dictionary(seller, [f"SELL{i:05d}" for i in range(1, SELLERS + 1)]),
    }
    return pa.table(columns)


def most_shipping(worth: np.ndarray) -> np.ndarray:
    """Return for how many cents orders ship at most: those below 50 for 8, all others for 15."""
    return np.where(worth < 50, 800, 1500)


def refuse_unlike(changes: DriftParams) -> None:
    """Raise PipelineError for a new brand that is an old one, and for categories that are none."""
    where = "params.yaml: ingest.drift"
    if changes.brand.name in BRANDS:
        raise PipelineError(f"{where}.brand.name: {changes.brand.name} is a brand already")
    for name in changes.categories.shares:
        if name not in CATEGORIES:
            known = ", ".join(CATEGORIES)
            raise PipelineError(f"{where}.categories.shares: no category '{name}', but {known}")
    if changes.categories.day is None:
        return
    left = 1 - sum(changes.categories.shares.values())
    if left > 1e-6 and len(changes.categories.shares) == len(CATEGORIES):
        raise PipelineError(f"{where}.categories.shares: all are named, and {left:g} is left over")


def _dictionary(codes: np.ndarray, values: Sequence[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(codes.astype(np.uint16), list(values))


def _numbered(prefix: str, first: int, rows: int, width: int) -> pa.ChunkedArray:
    """Return `rows` texts, the prefix with a number from `first` on, of at least `width` digits.

    Written digit by digit for all rows at once, as formatting each one takes far longer.
    """
    parts, start, end = [], first, first + rows
    while start < end:
        width = max(width, len(str(start)))
        stop = min(end, 10**width)
        numbers = np.arange(start, stop, dtype=np.int64)
        letters = np.empty((len(numbers), len(prefix) + width), np.uint8)
        letters[:, : len(prefix)] = np.frombuffer(prefix.encode(), np.uint8)
        for place in range(width):
            letters[:, -1 - place] = ord("0") + numbers % 10
            numbers //= 10
        ends = np.arange(len(letters) + 1, dtype=np.int32) * letters.shape[1]
        parts.append(
            pa.StringArray.from_buffers(len(letters), pa.py_buffer(ends), pa.py_buffer(letters))
        )
        start = stop
    return pa.chunked_array(parts)
