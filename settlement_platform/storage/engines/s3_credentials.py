"""S3 credentials, found the way boto3 finds them."""

import boto3

from settlement_platform.control.failures import PermanentFailure
from settlement_platform.storage.engines.duckdb_engine import S3Credentials
from settlement_platform.storage.errors import translate_errors


def find_s3_credentials(
    *,
    endpoint_url: str | None,
    region: str | None,
    key_id: str | None = None,
    secret: str | None = None,
    session_token: str | None = None,
    profile: str | None = None,
) -> S3Credentials:
    """Return the credentials given, or else those from the environment, the shared files or the machine's role.

    Raises:
        PermanentFailure: there are none, or the named profile does not exist.
        TransientFailure: the service that issues them did not answer.
    """
    with translate_errors("Reading S3 credentials"):
        session = boto3.Session(key_id, secret, session_token, region_name=region, profile_name=profile)
        found = session.get_credentials()
        frozen = found.get_frozen_credentials() if found else None
    if frozen is None:
        message = "A store is in an S3 bucket, but boto3 finds no credentials."
        raise PermanentFailure(message, remedy="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile.")
    return S3Credentials(
        endpoint_url=endpoint_url,
        region=session.region_name or "us-east-1",
        key_id=frozen.access_key,
        secret=frozen.secret_key,
        session_token=frozen.token,
    )
