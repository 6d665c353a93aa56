"""Where a cohort's files are: on this machine or behind an s3:// address."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from genexp.errors import CohortError

ENDINGS = (".parquet", ".pq", ".h5ad", ".tsv", ".csv", ".txt", ".tsv.gz", ".csv.gz", ".txt.gz")


def read_name(address: str) -> str:
    """Name of a cohort or table: its file name without the ending (``a/b/cohort.tsv.gz`` -> ``cohort``)."""
    return re.sub(r"(\.(tsv|csv|txt))?(\.gz)?$|\.(parquet|pq|h5ad)$", "", Path(address).name)


def read_ending(address: str) -> str:
    """Ending that names the format, such as ``.tsv.gz``; refused unless known."""
    name = Path(address).name.lower()
    known = [ending for ending in ENDINGS if name.endswith(ending)]
    if not known:
        raise CohortError(f"{address}: expected a file that ends in {', '.join(ENDINGS)}; convert it, or rename it to what it is")
    return max(known, key=len)


@contextmanager
def open_source(address: str, s3_endpoint: str = "") -> Iterator[Path]:
    """Give the file behind an address; what was downloaded lasts as long as the context."""
    ending = read_ending(address)
    if not address.startswith("s3://"):
        yield _check_file(address)
        return
    with tempfile.TemporaryDirectory(prefix="genexp-") as folder:
        path = Path(folder) / f"download{ending}"
        _ask_store(address, s3_endpoint, lambda client, bucket, key: client.download_file(bucket, key, str(path)))
        yield _check_file(str(path), address)


def hash_source(address: str, s3_endpoint: str = "") -> str:
    """Hash of a file's bytes (16 hexadecimal digits of SHA-256); of an object in a store, of its ETag and size, without a download."""
    if not address.startswith("s3://"):
        return hash_file(_check_file(address))
    head = _ask_store(address, s3_endpoint, lambda client, bucket, key: client.head_object(Bucket=bucket, Key=key))
    return hashlib.sha256(f"{head['ETag']} {head['ContentLength']}".encode()).hexdigest()[:16]


def hash_file(path: Path) -> str:
    """First 16 hexadecimal digits of the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _check_file(path: str, address: str = "") -> Path:
    file = Path(path).expanduser()
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "does not exist"
        raise CohortError(f"expected a file at {path}, but it {what}; give the path of the cohort or annotation table")
    if file.stat().st_size == 0:
        raise CohortError(f"{address or path} is empty (0 bytes); expected a table of samples and genes")
    return file


def _ask_store(address: str, endpoint: str, ask: Any) -> Any:
    """Call ``ask(client, bucket, key)``; without credentials the request is anonymous, as public buckets want it."""
    import boto3
    from boto3.exceptions import Boto3Error
    from botocore import UNSIGNED
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, _, key = address.removeprefix("s3://").partition("/")
    if not bucket or not key:
        raise CohortError(f"expected s3://BUCKET/KEY, found {address}")
    try:
        session = boto3.Session()
        signature = {} if session.get_credentials() else {"signature_version": UNSIGNED}
        options = Config(
            connect_timeout=10, retries={"max_attempts": 3}, s3={"addressing_style": "path" if endpoint else "auto"}, **signature
        )
        region = session.region_name or "us-east-1"
        return ask(session.client("s3", endpoint_url=endpoint or None, region_name=region, config=options), bucket, key)
    except (BotoCoreError, ClientError, Boto3Error, ValueError) as error:
        hint = "check the address, s3_endpoint and the credentials (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)"
        raise CohortError(f"{address} could not be read from {endpoint or 'AWS'}: {error}; {hint}") from None
