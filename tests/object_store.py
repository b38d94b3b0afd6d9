"""An S3 for a test: moto's server in this process, on loopback, with a bucket `team`."""

from collections.abc import Iterator

import pytest

BUCKET = "team"


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    """Start the server; yield the variables by which whatever is started finds it."""
    import boto3  # here, as every session of tests knows this fixture
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    found = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "ann",
        "AWS_SECRET_ACCESS_KEY": "sesame",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in found.items():
            patch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield found
    server.stop()
