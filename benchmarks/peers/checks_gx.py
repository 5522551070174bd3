"""Great Expectations over a pandas frame: the expectations of `wanted.json` on `sales.parquet`, in a folder given."""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from pathlib import Path


def main() -> None:
    """Print what validating took, without importing, reading the file and making the suite."""
    folder = Path(sys.argv[1])
    began = time.perf_counter()
    gx, pd = (import_module(name) for name in ("great_expectations", "pandas"))

    importing = time.perf_counter() - began
    frame = pd.read_parquet(folder / "sales.parquet")
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("sales")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    suite = context.suites.add(gx.ExpectationSuite(name="checks"))
    for each in json.loads((folder / "wanted.json").read_text()):
        suite.add_expectation(getattr(gx.expectations, each.pop("type"))(**each))
    began = time.perf_counter()
    result = batch.validate(suite, result_format="BASIC")
    seconds = time.perf_counter() - began
    passed = sum(1 for one in result.results if one.success)
    answer = {"seconds": seconds, "importing": importing, "passed": passed, "version": gx.__version__}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
