"""What the tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real cohorts: GENEXP_DATA, or ../shared/data beside the checkout."""
    folder = Path(os.environ.get("GENEXP_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (folder / "tcga_brca_rnaseq.parquet").exists():
        pytest.skip("real cohorts are not here (set GENEXP_DATA)")
    return folder


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an SQLite tracking store of this test session, which MLflow is set to use; made
    once, as that takes seconds.
    """
    before = os.environ.get("MLFLOW_TRACKING_URI")
    os.environ["MLFLOW_TRACKING_URI"] = uri = (
        f"sqlite:///{tmp_path_factory.mktemp('store') / 'mlflow.db'}"
    )
    from genexp.tracking.store import open_store

    open_store()
    yield uri
    os.environ.pop("MLFLOW_TRACKING_URI")
    if before is not None:
        os.environ["MLFLOW_TRACKING_URI"] = before
