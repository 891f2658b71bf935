"""Arguments and options that several commands share."""

from datetime import datetime
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, and nothing else, on standard output.")]


Name = Annotated[str, typer.Argument(metavar="DATASET", help="A dataset or a mart.")]


DatasetName = Annotated[str, typer.Argument(metavar="DATASET", help="A dataset.")]


Day = Annotated[datetime, typer.Argument(metavar="DATE", formats=["%Y-%m-%d"], help="A business date.")]


From = Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First business date.")]


To = Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last business date, included.")]


MaybeFrom = Annotated[
    datetime | None,
    typer.Option("--from", formats=["%Y-%m-%d"], help="First business date; the first of all."),
]


MaybeTo = Annotated[
    datetime | None,
    typer.Option("--to", formats=["%Y-%m-%d"], help="Last business date, included; yesterday."),
]


Reason = Annotated[str, typer.Option("--reason", help="Why; it becomes part of the record.")]


Actor = Annotated[str | None, typer.Option("--actor", help="Who; the operating system's user if not given.")]
