"""The project of SQLMesh: two DuckDB files, one for data and one for its own state."""  # noqa: INP001 - SQLMesh loads it

import os

from sqlmesh.core.config import Config, DuckDBConnectionConfig, GatewayConfig, ModelDefaultsConfig

OUT = os.environ["BENCHMARK_OUT"]

config = Config(
    default_gateway="local",
    disable_anonymized_analytics=True,
    gateways={
        "local": GatewayConfig(
            connection=DuckDBConnectionConfig(database=f"{OUT}/warehouse.duckdb"),
            state_connection=DuckDBConnectionConfig(database=f"{OUT}/state.duckdb"),
        )
    },
    model_defaults=ModelDefaultsConfig(dialect="duckdb", start=os.environ["BENCHMARK_FIRST_DATE"], cron="@daily"),
    variables={"landing": os.environ["BENCHMARK_LANDING"]},
)
