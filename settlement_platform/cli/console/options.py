"""Arguments and options that several commands share."""

from datetime import datetime
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output, and nothing else.")]
Name = Annotated[str, typer.Argument(metavar="DATASET", help="A dataset or a mart.")]
MaybeName = Annotated[str | None, typer.Argument(metavar="[DATASET]", help="A dataset or a mart. Default: all.")]
DatasetName = Annotated[str, typer.Argument(metavar="DATASET", help="A dataset.")]
MaybeDay = Annotated[datetime | None, typer.Argument(metavar="[DATE]", formats=["%Y-%m-%d"], help="A business date.")]
Day = Annotated[datetime, typer.Argument(metavar="DATE", formats=["%Y-%m-%d"], help="A business date.")]

From = Annotated[
    datetime, typer.Option("--from", metavar="DATE", formats=["%Y-%m-%d"], help="The first business date.")
]

To = Annotated[
    datetime, typer.Option("--to", metavar="DATE", formats=["%Y-%m-%d"], help="The last business date, inclusive.")
]

MaybeFrom = Annotated[
    datetime | None,
    typer.Option(
        "--from",
        metavar="DATE",
        formats=["%Y-%m-%d"],
        help="The first business date. Default: the first one of the dataset, or else SETTLEMENT_FIRST_DATE.",
    ),
]

MaybeTo = Annotated[
    datetime | None,
    typer.Option(
        "--to", metavar="DATE", formats=["%Y-%m-%d"], help="The last business date, inclusive. Default: yesterday."
    ),
]

At = Annotated[str | None, typer.Option("--at", metavar="TIME", help="Explain it as of this time, in ISO 8601.")]
AsOf = Annotated[str | None, typer.Option("--as-of", metavar="TIME", help="Query the data of this time, in ISO 8601.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it goes on record.")]

Actor = Annotated[
    str | None, typer.Option("--actor", metavar="NAME", help="Who. Default: the operating system's user.")
]
