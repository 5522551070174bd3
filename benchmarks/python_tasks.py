"""What a Python task costs that does nothing: export of its input, a process of its own, its rows in a file.

Prints medians in milliseconds per order, beside one cold `python -c "import duckdb"` process per order in the same run
(which exports nothing, runs nothing and isolates nothing). An order that comes alone finds a worker that waits for it;
orders that come one right after the other are bounded by how quickly workers can be made ready.
"""

from __future__ import annotations

import importlib.util
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import duckdb

from penstock.adapters.processes import sandbox
from penstock.adapters.processes.identity import digest_now
from penstock.adapters.processes.runner import TaskProcesses
from penstock.engine.ports.processes import Order
from penstock.model.pipelines import Dataset, Materialization, PythonTask

ORDERS = 60
ROWS = 100
PAUSE_SECONDS = 0.15
CODE = "def make(rows):\n    return rows\n"
FORMS = ("duckdb.DuckDBPyRelation", "polars.LazyFrame", "pyarrow.Table", "pandas.DataFrame")


class Bench:
    """A project of one task that does nothing."""

    def __init__(self, folder: Path, form: str = FORMS[0], *, confined: bool = False) -> None:
        (folder / "project").mkdir(parents=True)
        (folder / "project" / "noop.py").write_text(CODE, encoding="utf-8")
        self.processes = TaskProcesses(folder / "project", folder / "spool", folder / "logs", confined=confined)
        task = PythonTask(
            function="make",
            reads_by_parameter={"rows": "b.raw"},
            code_digest="",
            forms={"rows": form},
        )
        kept = Materialization.TABLE
        task = replace(task, code_digest=digest_now("noop.py", task, folder / "project"))
        self.dataset = Dataset(name="b.noop", file="noop.py", task=task, materialization=kept)
        self.connection = duckdb.connect()
        self.connection.execute(
            f"CREATE TABLE raw AS SELECT i, i % 7 AS n, 'x' || i AS word FROM range({ROWS}) AS t(i)"
        )

    def order(self) -> tuple[float, float]:
        """One order, as the engine does it; wall and worker's processor time in milliseconds."""
        began = time.perf_counter()
        with self.processes.scratch() as folder, self.connection.cursor() as cursor:
            given, output = folder / "rows.parquet", folder / "_output.parquet"
            cursor.execute(f"COPY raw TO '{given}' (FORMAT parquet)")
            order = Order(
                run="b", log="noop", dataset=self.dataset, inputs={"rows": given}, output=output, interval=None
            )
            measured = self.processes.run(order)
            taken = (time.perf_counter() - began) * 1000
            if len(cursor.read_parquet(str(output)).fetchall()) != ROWS:
                raise SystemExit("rows were lost")
        return taken, measured["cpu"] / 1000


def cold() -> float:
    """One process that imports DuckDB, in milliseconds."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import duckdb"], check=True)
    return (time.perf_counter() - began) * 1000


def measure(name: str, bench: Bench) -> None:
    """Print a line: the first order, orders with a pause between, one after the other, and two at once."""
    with bench.processes:
        first = bench.order()[0]
        alone, colds = [], []
        for _ in range(ORDERS // 3):
            time.sleep(PAUSE_SECONDS)
            alone.append(bench.order())
            colds.append(cold())
        row = [bench.order() for _ in range(ORDERS)]
        with ThreadPoolExecutor(2) as pool:
            began = time.perf_counter()
            list(pool.map(lambda _: bench.order(), range(ORDERS)))
            two = (time.perf_counter() - began) * 1000 / ORDERS
    walls = [wall for wall, _ in row]
    print(
        f"  {name:<28}{first:>8.0f}{statistics.median(wall for wall, _ in alone):>9.1f}{statistics.median(walls):>9.1f}"
        f" {two:>8.1f}{statistics.median(cpu for _, cpu in row):>9.1f}{statistics.median(colds):>9.1f}"
    )


def main() -> None:
    """Print the table."""
    print(f"ms per order that does nothing, medians; DuckDB {duckdb.__version__}; budget: 20 alone")
    print(f"  {'':<28}{'first':>8}{'alone':>9}{'in a row':>9}{'2 at once':>9}{'cpu':>9}{'cold':>9}")
    with tempfile.TemporaryDirectory() as folder:
        for form in FORMS:
            if importlib.util.find_spec(form.partition(".")[0]) is not None:
                measure(form, Bench(Path(folder) / form, form))
        if sandbox.works():
            measure("confined by bubblewrap", Bench(Path(folder) / "confined", confined=True))


if __name__ == "__main__":
    main()
