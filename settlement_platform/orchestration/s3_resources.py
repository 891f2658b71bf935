"""The Dagster resource for stores in S3 buckets; it stands alone because it loads boto3, which takes half a second."""

import dagster as dg
from dagster_aws.s3 import S3Resource

from settlement_platform.orchestration.resources import PlatformResource
from settlement_platform.storage.engines.duckdb_engine import S3Credentials
from settlement_platform.storage.engines.s3_credentials import find_s3_credentials


class S3PlatformResource(PlatformResource):
    """The platform's resource with some stores in buckets, reached through `s3`."""

    s3: dg.ResourceDependency[S3Resource]

    def s3_credentials(self) -> S3Credentials | None:
        """Return the endpoint and credentials that the S3 resource is configured with."""
        return find_s3_credentials(
            endpoint_url=self.s3.endpoint_url,
            region=self.s3.region_name,
            key_id=self.s3.aws_access_key_id,
            secret=self.s3.aws_secret_access_key,
            session_token=self.s3.aws_session_token,
            profile=self.s3.profile_name,
        )
