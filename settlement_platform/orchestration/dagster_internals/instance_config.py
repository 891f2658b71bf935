"""Dagster's private names for an instance's configuration: its reference, and the classes that dagster.yaml names."""

# The instance as configured but not yet opened: its event log and compute logs are exchanged before opening it.
# Replaced by overrides that the public `DagsterInstance.get` or `from_config` would take.
from dagster._core.instance.ref import InstanceRef

# What Dagster hands to a class that dagster.yaml names, and the base that lets it be named there.
# Replaced by public names: Dagster's guide for writing a run launcher or storage needs both.
from dagster._serdes import ConfigurableClass, ConfigurableClassData

__all__ = ["ConfigurableClass", "ConfigurableClassData", "InstanceRef"]
