"""Work that every process of the platform repeats, done once here: children of the fork server inherit it.

The fork server imports this module last.
"""

import gc

from settlement_platform.catalog import load_catalog
from settlement_platform.storage.engines.duckdb_engine import EXTENSIONS, verified_extension

for name in EXTENSIONS:
    verified_extension(name)

# The first contract makes ibis import the dialects of every database.
load_catalog().published_columns  # noqa: B018 - compiles each contract

# Otherwise each child copies the whole heap when it collects garbage.
gc.collect()
gc.freeze()
