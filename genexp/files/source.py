"""Sources of files: this machine or an s3:// address."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from genexp.errors import CohortError

ENDINGS = re.compile(
    r"(\.(tsv|csv|txt|tab|dat|gct|mtx|parquet|pq|h5ad|h5|hdf5|loom|zarr|feather|arrow|xlsx|rds|rdata|rda))?(\.(gz|bz2|xz|zip))?$",
    re.IGNORECASE,
)

PIECE_BYTES = 16 << 20


def read_name(address: str) -> str:
    """Return the name of a cohort or table: its file name without the ending (``a/b/cohort.tsv.gz``
    -> ``cohort``).
    """
    return ENDINGS.sub("", Path(address).name, count=1) or Path(address).name


@contextmanager
def open_source(address: str, s3_endpoint: str = "") -> Iterator[Path]:
    """Provide the file behind an address; a download lasts as long as the context."""
    if not address.startswith("s3://"):
        yield _check_file(address)
        return
    with tempfile.TemporaryDirectory(prefix="genexp-") as folder:
        path = Path(folder) / (Path(address).name or "download")
        _ask_store(
            address,
            s3_endpoint,
            lambda client, bucket, key: client.download_file(bucket, key, str(path)),
        )
        yield _check_file(str(path), address)


def hash_source(address: str, s3_endpoint: str = "") -> str:
    """Hash a file's bytes (16 hexadecimal digits of SHA-256), or the ETag and size of an object in
    a store, without a download.
    """
    if not address.startswith("s3://"):
        return hash_path(_check_file(address))
    head = _ask_store(
        address, s3_endpoint, lambda client, bucket, key: client.head_object(Bucket=bucket, Key=key)
    )
    return hashlib.sha256(f"{head['ETag']} {head['ContentLength']}".encode()).hexdigest()[:16]


def hash_path(path: Path) -> str:
    """Hash a file's bytes, or the names and bytes of the files in a folder."""
    if path.is_file():
        return hash_file(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    listed = "\n".join(f"{file.relative_to(path)} {hash_file(file)}" for file in files)
    return hashlib.sha256(listed.encode()).hexdigest()[:16]


def hash_file(path: Path) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of a file's bytes."""
    digest, buffer = hashlib.sha256(), memoryview(bytearray(min(PIECE_BYTES, path.stat().st_size)))
    with path.open("rb", buffering=0) as file:
        # large pieces: between two, a thread waits for Python's lock
        while buffer and (size := file.readinto(buffer)):
            digest.update(buffer[:size])
    return digest.hexdigest()[:16]


def _check_file(path: str, address: str = "") -> Path:
    file = Path(path).expanduser()
    if not file.exists():
        raise CohortError(
            f"expected a file or folder at {path}, but it does not exist; give the path of "
            "the cohort or annotation table"
        )
    if file.is_file() and file.stat().st_size == 0:
        raise CohortError(
            f"{address or path} is empty (0 bytes); expected a table of samples and genes"
        )
    return file


def _ask_store(address: str, endpoint: str, ask: Any) -> Any:
    """Call ``ask(client, bucket, key)``; without credentials the request is anonymous, as public
    buckets require.
    """
    import boto3
    from boto3.exceptions import Boto3Error
    from botocore import UNSIGNED
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, _, key = address.removeprefix("s3://").partition("/")
    if not bucket or not key:
        raise CohortError(f"expected an address such as s3://BUCKET/KEY, found {address}")
    try:
        session = boto3.Session()
        signature = {} if session.get_credentials() else {"signature_version": UNSIGNED}
        options = Config(
            connect_timeout=10,
            retries={"max_attempts": 3},
            s3={"addressing_style": "path" if endpoint else "auto"},
            **signature,
        )
        region = session.region_name or "us-east-1"
        return ask(
            session.client("s3", endpoint_url=endpoint or None, region_name=region, config=options),
            bucket,
            key,
        )
    except (BotoCoreError, ClientError, Boto3Error, ValueError) as error:
        hint = (
            "check the address, s3_endpoint and the credentials (AWS_ACCESS_KEY_ID, "
            "AWS_SECRET_ACCESS_KEY)"
        )
        raise CohortError(
            f"{address} could not be read from {endpoint or 'AWS'}: {error}; {hint}"
        ) from None
