"""The data of the base projects: cuts of the examples' real files, and a star schema made up from a seed.

The same call writes the same rows. Gzip files are written without a time, so that their bytes are the same as well.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
import shutil
import zlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"

Row = dict[str, Any]


def write_retail(target: Path) -> None:
    """A month of the web shop's files: every third invoice, so that a day has some hundred lines."""
    for source in sorted((EXAMPLES / "retail" / "data" / "by_day").glob("2010-12-*.csv.gz")):
        header, rows = _read_csv(source)
        kept = [row for row in rows if zlib.crc32(row[0].encode()) % 3 == 0]
        _write_gzip(target / "by_day" / source.name, _csv_text(header, kept))


EPIDEMIC_COUNTRIES = frozenset(
    {
        *("Italy", "France", "Germany", "Spain", "United Kingdom", "Denmark", "Netherlands", "China", "Korea, South"),
        *("Japan", "Iran", "Taiwan", "Taiwan*", "Australia", "Canada", "Diamond Princess", "Cruise Ship"),
        *("Gambia, The", "Gambia", "The Gambia", "Bahamas, The", "Bahamas", "The Bahamas"),
    }
)
EPIDEMIC_STATES = frozenset({"California", "New York", "Washington"})


def write_epidemic(target: Path) -> None:
    """Four weeks of reports: two dozen countries, and of the US three states and their counties."""
    first, last = date(2020, 3, 15), date(2020, 4, 10)
    for source in sorted((EXAMPLES / "epidemic" / "data" / "reports").glob("*.csv.gz")):
        month, day, year = (int(part) for part in source.name.split(".")[0].split("-"))
        if not first <= date(year, month, day) <= last:
            continue
        header, rows = _read_csv(source)
        country = next(at for at, name in enumerate(header) if name.startswith("Country"))
        province = next(at for at, name in enumerate(header) if name.startswith("Province"))
        kept = [
            row
            for row in rows
            if row[country] in EPIDEMIC_COUNTRIES or (row[country] == "US" and row[province] in EPIDEMIC_STATES)
        ]
        _write_gzip(target / "reports" / source.name, _csv_text(header, kept))
    shutil.copy(EXAMPLES / "epidemic" / "data" / "country_names.csv", target / "country_names.csv")


def write_quakes(target: Path) -> None:
    """Three days of snapshots of the feeds of the last hour and the last day, as they are."""
    for feed in ("all_day", "all_hour"):
        for source in sorted((EXAMPLES / "quakes" / "data" / feed).glob("*.json.gz")):
            if "2025-05-04T13" <= source.name < "2025-05-07T13":
                (target / feed).mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target / feed / source.name)


STAR_FIRST, STAR_LAST = date(2024, 3, 11), date(2024, 4, 10)
CURRENCIES = {"DE": "EUR", "FR": "EUR", "GB": "GBP", "US": "USD", "CH": "CHF", "JP": "JPY"}
RATES = {"GBP": 1.17, "USD": 0.92, "CHF": 1.03, "JPY": 0.0061, "SEK": 0.087}
CATEGORIES = ("bikes", "helmets", "lights", "locks", "bags", "tools")
FIRST_NAMES = ("Anna", "Ben", "Clara", "David", "Emma", "Felix", "Greta", "Hugo", "Ida", "Jonas", "Kim", "Lea")
LAST_NAMES = ("Adler", "Bauer", "Carter", "Dubois", "Evans", "Fischer", "Girard", "Huber", "Ito", "Jones", "Keller")


def write_star(target: Path) -> None:
    """A bicycle shop in six countries and five currencies: orders and their lines by day, customers, products, rates.

    What makes it like real data: orders are written again when their state changes, some lines are delivered twice, a
    file holds orders of the evening before, rates are quoted on working days alone, some customers have no country, and
    in the last days the first orders in Swedish crowns come in.
    """
    dice = random.Random(20240311)  # noqa: S311 - made-up rows, nothing secret
    customers = _star_customers(dice)
    products = _star_products(dice)
    _write_rows(target / "customers.csv", customers)
    _write_rows(target / "products.csv", products)
    _write_rows(target / "rates.csv", _star_rates(dice))
    _StarOrders(dice=dice, customers=customers, products=products).write(target)


def _star_customers(dice: random.Random) -> list[Row]:
    rows = []
    for number in range(1, 241):
        first, last = dice.choice(FIRST_NAMES), dice.choice(LAST_NAMES)
        country = dice.choices((*CURRENCIES, ""), weights=(8, 5, 4, 4, 2, 1, 1))[0]
        rows.append(
            {
                "customer_id": number,
                "name": f"{first} {last}",
                "email": f"{first}.{last}{number}@example.{dice.choice(('com', 'org', 'net'))}".lower(),
                "country": country,
                "born_on": date(1950, 1, 1) + timedelta(days=dice.randrange(19_000)),
                "signed_up_on": date(2023, 1, 1) + timedelta(days=dice.randrange(430)),
                "newsletter": dice.choice(("yes", "no", "no")),
            }
        )
    return rows


def _star_products(dice: random.Random) -> list[Row]:
    rows = []
    for number in range(1, 61):
        category = CATEGORIES[number % len(CATEGORIES)]
        price = {"bikes": 900, "helmets": 60, "lights": 25, "locks": 40, "bags": 70, "tools": 15}[category]
        cost = round(price * dice.uniform(0.4, 0.7), 2)
        rows.append(
            {
                "product_id": number,
                "name": f"{category[:-1].title()} {number:02d}",
                "category": category,
                "cost_eur": f"{cost:.2f}",
                "price_eur": price,
                "weight_g": dice.randrange(80, 14_000) if category == "bikes" else dice.randrange(80, 1500),
            }
        )
    return rows


def _star_rates(dice: random.Random) -> list[Row]:
    rows, day = [], STAR_FIRST - timedelta(days=7)
    rates = dict(RATES)
    while day <= STAR_LAST:
        if day.weekday() < 5:
            for currency, rate in rates.items():
                rates[currency] = rate * dice.uniform(0.985, 1.016)
                rows.append({"day": day, "currency": currency, "eur_per_unit": f"{rates[currency]:.6f}"})
        day += timedelta(days=1)
    return rows


class _StarOrders:
    """Order files of each day, with the lines of the orders that are new in them."""

    def __init__(self, *, dice: random.Random, customers: list[Row], products: list[Row]) -> None:
        self.dice, self.customers, self.products = dice, customers, products
        self.order_id = 5000
        self.open: list[Row] = []

    def write(self, target: Path) -> None:
        """Write `orders/DAY.csv` and `lines/DAY.csv` for each day."""
        day = STAR_FIRST
        while day <= STAR_LAST:
            orders, lines = self._day(day)
            _write_rows(target / "orders" / f"{day}.csv", orders)
            _write_rows(target / "lines" / f"{day}.csv", lines)
            day += timedelta(days=1)

    def _day(self, day: date) -> tuple[list[Row], list[Row]]:
        orders, lines = [], []
        for known in self.open:
            if self.dice.random() < 0.5:
                known["status"] = self.dice.choices(("shipped", "cancelled"), weights=(9, 1))[0]
                orders.append({**known, "exported_at": _moment(day, self.dice.randrange(0, 86_400))})
        self.open = [known for known in self.open if known["status"] == "open"]
        for _ in range(self.dice.randrange(35, 65)):
            order = self._order(day)
            orders.append(order)
            lines.extend(self._lines(order))
            self.open.append({**order})
        if orders:
            orders.append(orders[-1])  # a line that the shop's export writes twice
        lines.extend(lines[:2])
        return orders, lines

    def _order(self, day: date) -> Row:
        self.order_id += 1
        customer = self.dice.choice(self.customers)
        late = self.dice.random() < 0.06  # of the evening before
        second = self.dice.randrange(79_200, 86_400) if late else self.dice.randrange(0, 86_400)
        currency = CURRENCIES.get(customer["country"], "EUR")
        if day >= date(2024, 4, 6) and self.dice.random() < 0.05:
            currency = "SEK"
        return {
            "order_id": self.order_id,
            "customer_id": customer["customer_id"] if self.dice.random() > 0.03 else "",
            "ordered_at": _moment(day - timedelta(days=1) if late else day, second),
            "exported_at": _moment(day + timedelta(days=1), 3600),
            "channel": self.dice.choices(("web", "app", "store", "phone"), weights=(6, 4, 3, 1))[0],
            "currency": currency,
            "shipping": f"{self.dice.choice((0, 0, 4.9, 9.9)):.2f}",
            "voucher": self.dice.choice(("", "", "", "SPRING10", "WELCOME5")),
            "status": "open",
        }

    def _lines(self, order: Row) -> list[Row]:
        lines = []
        rate = RATES.get(order["currency"], 1.0)
        for number, product in enumerate(
            self.dice.sample(self.products, self.dice.choice((1, 1, 2, 2, 3, 4))), start=1
        ):
            gift = self.dice.random() < 0.04
            price = 0 if gift else round(product["price_eur"] / rate * self.dice.uniform(0.9, 1.1), 2)
            lines.append(
                {
                    "order_id": order["order_id"],
                    "line_no": number,
                    "product_id": product["product_id"],
                    "quantity": self.dice.choices((1, 2, 3, -1), weights=(12, 4, 2, 1))[0],
                    "unit_price": f"{price:.2f}",
                    "discount_percent": self.dice.choice(("", "", "", "5", "10", "12.5")),
                }
            )
        return lines


def write_tiny(target: Path) -> None:
    """A week of six orders a day, one of them unpaid."""
    for number in range(7):
        day = date(2024, 5, 1) + timedelta(days=number)
        rows = [
            {"order_id": 10 * number + one, "amount": f"{one + number / 4:.2f}", "status": "paid" if one else "open"}
            for one in range(6)
        ]
        _write_rows(target / "orders" / f"{day}.csv", rows)


def _moment(day: date, second: int) -> str:
    return (datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=second)).strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )


WRITERS: dict[str, Callable[[Path], None]] = {
    "retail": write_retail,
    "epidemic": write_epidemic,
    "quakes": write_quakes,
    "star": write_star,
    "tiny": write_tiny,
}


def _read_csv(path: Path) -> tuple[list[str], list[list[str]]]:
    text = gzip.decompress(path.read_bytes()).decode("utf-8-sig")
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    return header, rows


def _csv_text(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def _write_rows(path: Path, rows: list[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_csv_text(rows[0], (row.values() for row in rows)), encoding="utf-8")


def _write_gzip(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
