"""What the tests share."""

import os
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
