"""Dagster as its tutorials write it: four assets in a chain, partitioned by day, with the default executor."""

import os

import dagster as dg

from benchmarks.peers import work

DAYS = dg.DailyPartitionsDefinition(start_date=os.environ[work.FIRST], end_offset=1)


@dg.asset(partitions_def=DAYS)
def delivered_cards(context: dg.AssetExecutionContext) -> None:
    """The delivered files, complete."""
    work.wait_for_files(context.partition_key)


@dg.asset(partitions_def=DAYS, deps=[delivered_cards])
def staged_cards(context: dg.AssetExecutionContext) -> None:
    """The files as Parquet."""
    work.stage(context.partition_key)


@dg.asset(partitions_def=DAYS, deps=[staged_cards])
def validated_cards(context: dg.AssetExecutionContext) -> None:
    """The Parquet files, checked."""
    work.validate(context.partition_key)


@dg.asset(partitions_def=DAYS, deps=[validated_cards])
def published_cards(context: dg.AssetExecutionContext) -> None:
    """The rows in the warehouse."""
    work.publish(context.partition_key)


defs = dg.Definitions(assets=[delivered_cards, staged_cards, validated_cards, published_cards])
