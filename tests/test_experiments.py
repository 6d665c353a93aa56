"""Experiments run, at toy size; what came out at full size stands in their folders."""

from pathlib import Path

import pandas as pd
import pytest

from experiments.cohorts import run
from experiments.cohorts.readme import list_genes, list_results


@pytest.mark.slow
def test_cohorts_are_run_and_what_came_out_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    (tmp_path / "README.md").write_text("before\n<!-- results: written by run.py -->\nold\n<!-- end of results -->\nafter\n")
    size = ["--simulated", "simulated:200x400", "--set", "epochs=3", "threads=1", "seeds=2", "hidden=16", "n_latent=8"]
    assert run.main(["simulated", *size, "--folder", str(tmp_path / "runs"), "--out", str(tmp_path)]) == 0
    results = pd.read_csv(tmp_path / "results.tsv", sep="\t")
    assert set(results["kind"]) == {"tag", "metric", "verdict", "increment", "planted genes", "planted hazard"}
    assert results.loc[results["name"] == "leakage", "text"].tolist() == ["pass"]
    genes = results[results["kind"] == "planted genes"]
    assert (genes["value"] > 1).all()
    hazards = results[results["kind"] == "planted hazard"]
    assert hazards["outcome"].isin(["covered", "missed"]).all()
    assert (hazards["low"] < hazards["value"]).all()
    assert {path.stat().st_size <= run.MAX_PICTURE for path in tmp_path.glob("*.png")} == {True}
    readme = (tmp_path / "README.md").read_text()
    assert readme.startswith("before")
    assert readme.endswith("after\n")
    assert "| simulated | R2 " in readme
    assert "old" not in readme


def test_results_of_a_cohort_replace_its_earlier_ones_alone(tmp_path: Path) -> None:
    def row(value: float) -> dict[str, object]:
        return {
            "kind": "verdict",
            "name": "probe: macro F1",
            "value": value,
            "low": 0.1,
            "high": 0.9,
            "beside": "PCA",
            "outcome": "above PCA",
        }

    path = tmp_path / "results.tsv"
    for cohort, value in (("luad", 0.5), ("brca", 0.6), ("luad", 0.7)):
        run.keep_results(path, cohort, [row(value)])
    table = pd.read_csv(path, sep="\t")
    assert table[["cohort", "value"]].to_numpy().tolist() == [["brca", 0.6], ["luad", 0.7]]
    assert "| luad |  |  | macro F1 0.700 [0.100, 0.900]: above PCA |  |" in list_results(table)


def test_leading_genes_are_listed_with_their_direction() -> None:
    rows = [{"cohort": "sex", "kind": "gene", "name": gene, "value": value} for gene, value in (("XIST", 0.2), ("RPS4Y1", -0.1))]
    assert list_genes(pd.DataFrame(rows))[-1] == "| sex | XIST +, RPS4Y1 − |"


def test_unknown_cohorts_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run.main(["brcaa"])
    assert "found brcaa" in capsys.readouterr().err
