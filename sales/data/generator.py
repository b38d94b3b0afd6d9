"""A seeded generator of orders with the distribution of the public file.

So that a fresh machine needs no download. Only stages/ingest.py imports it: nothing else of the
project knows this data set. Columns are drawn one by one from a stream of PCG64, by elementwise
arithmetic only, so that (rows, seed) gives the same bytes on every machine. Each block of a million
orders has a stream of its own, 2^127 draws further on: whoever needs one draws no other.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

FIRST_DAY, DAYS = np.datetime64("2020-01-01"), 1825  # the last one is 2024-12-29
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


def generate(rows: int, seed: int) -> pa.Table:
    """Return `rows` orders with the 20 columns of the public file, in its order, typed."""
    return pa.concat_tables(generate_block(rows, seed, block) for block in range(blocks(rows)))


def blocks(rows: int) -> int:
    """Return in how many blocks `rows` orders are drawn."""
    return -(-rows // BLOCK)


def generate_block(rows: int, seed: int, block: int) -> pa.Table:
    """Return a block of what `generate` returns, by its number from 0."""
    first = block * BLOCK
    rows = min(rows - first, BLOCK)
    rng = np.random.Generator(np.random.PCG64(seed).jumped(block))

    def uniform(count: int) -> np.ndarray:
        return rng.integers(0, count, rows, dtype=np.int32)

    def weighted(weights: Sequence[int]) -> np.ndarray:
        return np.repeat(np.arange(len(weights), dtype=np.int8), weights)[uniform(100)]

    def cents(low: float, high: float) -> np.ndarray:
        return rng.integers(round(low * 100), round(high * 100) + 1, rows) / 100

    quantity = 1 + uniform(5)
    price = cents(5, 600)
    discount = np.array([*DISCOUNTS])[weighted([*DISCOUNTS.values()])]
    rate = np.array([*TAX_RATES])[weighted([*TAX_RATES.values()])]
    net = quantity * price * (1 - discount)
    tax = np.round(rate * quantity * price * (1 - discount), 2)
    # Orders below 50 ship for at most 8, all others for at most 15.
    most = np.where(quantity * price < 50, 800, 1500)
    shipping = rng.integers(0, most + 1) / 100
    product, city = uniform(len(PRODUCTS)), uniform(len(CITIES))
    name = uniform(len(FIRST_NAMES) * len(LAST_NAMES))
    states = sorted(set(CITIES.values()))
    state_of = np.array([states.index(state) for state in CITIES.values()], dtype=np.int8)

    columns = {
        "OrderID": _numbered("ORD", 1 + first, rows, 7),
        "OrderDate": pa.array(FIRST_DAY + uniform(DAYS).astype("timedelta64[D]")),
        "CustomerID": _dictionary(
            uniform(CUSTOMERS), [f"CUST{i:06d}" for i in range(1, CUSTOMERS + 1)]
        ),
        "CustomerName": _dictionary(
            name, [f"{first} {last}" for first in FIRST_NAMES for last in LAST_NAMES]
        ),
        "ProductID": _dictionary(product, [f"P{i:05d}" for i in range(1, len(PRODUCTS) + 1)]),
        "ProductName": _dictionary(product, PRODUCTS),
        "Category": _dictionary(uniform(len(CATEGORIES)), CATEGORIES),
        "Brand": _dictionary(uniform(len(BRANDS)), BRANDS),
        "Quantity": pa.array(quantity.astype(np.int64)),
        "UnitPrice": pa.array(price),
        "Discount": pa.array(discount),
        "Tax": pa.array(tax),
        "ShippingCost": pa.array(shipping),
        "TotalAmount": pa.array(np.round(net + tax + shipping, 2)),
        "PaymentMethod": _dictionary(weighted([*PAYMENTS.values()]), [*PAYMENTS]),
        "OrderStatus": _dictionary(weighted([*STATUSES.values()]), [*STATUSES]),
        "City": _dictionary(city, [*CITIES]),
        "State": _dictionary(state_of[city], states),
        "Country": _dictionary(weighted([*COUNTRIES.values()]), [*COUNTRIES]),
        "SellerID": _dictionary(uniform(SELLERS), [f"SELL{i:05d}" for i in range(1, SELLERS + 1)]),
    }
    return pa.table(columns)


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
