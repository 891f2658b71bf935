"""Object stores: one interface to a local folder or an S3 prefix."""

from typing import Any

from obstore.store import LocalStore, S3Store

from settlement_platform.storage.engines.duckdb_engine import S3Credentials
from settlement_platform.storage.errors import translator_for

translate_errors = translator_for("landing")

CHUNK_BYTES = 1024 * 1024
"""Small enough to stay in a core's cache while a chunk is hashed and scanned."""


def open_store(url: str, s3: S3Credentials | None) -> Any:  # noqa: ANN401 - obstore has no common public type
    """Return an object store over a folder (created if missing) or `s3://bucket/prefix`.

    Raises:
        PermanentFailure: the folder cannot be created.
    """
    if not url.startswith("s3://"):
        with translate_errors(f"Opening {url}"):
            return LocalStore(url, mkdir=True)
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    if s3 is None:
        return S3Store(bucket, prefix=prefix or None)
    # Unset options have to be omitted: obstore rejects None.
    optional = {"endpoint": s3.endpoint_url, "session_token": s3.session_token}
    return S3Store(
        bucket,
        prefix=prefix or None,
        region=s3.region,
        access_key_id=s3.key_id,
        secret_access_key=s3.secret,
        virtual_hosted_style_request=s3.endpoint_url is None,
        client_options={"allow_http": True},
        retry_config={"max_retries": 2},
        **{name: value for name, value in optional.items() if value is not None},  # type: ignore[arg-type]
    )
