"""The floor of the machine: DuckDB reads the CSV of each date once and writes it as Parquet, with its defaults."""

import sys
from pathlib import Path

import duckdb

from benchmarks.plain_script import COLUMNS


def main() -> None:
    """Run every date in a landing folder: `floor LANDING OUT`."""
    landing, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True)
    connection = duckdb.connect()
    for day in sorted(p.name for p in landing.iterdir()):
        connection.execute(
            f"COPY (FROM read_csv('{landing / day}/*/cards.csv', header = true, auto_detect = false, delim = ',', "
            f"quote = '\"', columns = {COLUMNS})) TO '{out / day}.parquet' (FORMAT parquet)"
        )


if __name__ == "__main__":
    main()
