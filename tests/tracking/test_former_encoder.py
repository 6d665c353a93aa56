"""An encoder that an earlier version registered, whose card and correction have former names, loads
and works as it did.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genexp.cli import main
from genexp.model.encoder import Encoder
from genexp.report.provenance import drop_other_kinds
from genexp.settings.aliases import update_stored
from genexp.settings.tracking import RegistryConfig
from genexp.settings.verbs import PreprocessSettings
from genexp.tracking.registry import register_encoder
from genexp.tracking.runs import start_run

FORMER = Path(__file__).parents[1] / "data" / "encoder_0.1"
"""Written by ``make.py`` in it, with the code of commit b98071e."""


@pytest.fixture(scope="module")
def registered(store: str) -> Iterator[Encoder]:
    with start_run(
        "train", PreprocessSettings(experiment_name="tests of former encoders")
    ) as tracker:
        encoder = Encoder.load(FORMER / "encoder")
        register_encoder(encoder, RegistryConfig(name="former"), 0.5, tracker)
        yield encoder


def test_a_former_card_has_former_names(registered: Encoder) -> None:
    assert registered.card["cohort_settings"]["study"] == "lab"
    assert (registered.card["config"]["anchor"], registered.card["config"]["basis"]) == (
        "none",
        "span",
    )


def test_the_report_shows_a_former_configuration_by_its_present_names(registered: Encoder) -> None:
    shown = drop_other_kinds(update_stored(registered.card["config"]))
    assert (shown["skip"], shown["basis"]) == ("none", "rows")
    assert "beta" not in shown


def test_a_former_encoder_gives_the_latents_that_it_gave(registered: Encoder) -> None:
    values = pd.read_csv(FORMER / "values.tsv", sep="\t", index_col=0)
    lab = pd.read_csv(FORMER / "samples.tsv", sep="\t", index_col=0)["lab"]
    given = pd.read_csv(FORMER / "latent.tsv", sep="\t", index_col=0)
    np.testing.assert_allclose(registered.encode(values, lab), given, atol=1e-5)


def test_a_former_encoder_reads_the_cohort_of_its_training_as_its_card_says(
    registered: Encoder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The column of the batch is the one that the card calls ``study``; nothing is to be warned
    of.
    """
    monkeypatch.chdir(FORMER)
    assert main(["encode", "--encoder=former", f"--out={tmp_path / 'latent.tsv'}"]) == 0
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / "latent.tsv", sep="\t", index_col=0),
        pd.read_csv(FORMER / "latent.tsv", sep="\t", index_col=0),
        atol=1e-5,
    )
    assert "is now called" not in capsys.readouterr().err


def test_a_former_encoder_takes_a_new_cohort(registered: Encoder, tmp_path: Path) -> None:
    values = pd.read_csv(FORMER / "values.tsv", sep="\t", index_col=0).iloc[:20]
    values.to_csv(tmp_path / "new.tsv", sep="\t")
    obs = pd.DataFrame({"site": "west"}, index=values.index)
    obs.to_csv(tmp_path / "sites.tsv", sep="\t")
    out = tmp_path / "latent.tsv"
    options = [
        f"--cohort={tmp_path / 'new.tsv'}",
        f"--obs={tmp_path / 'sites.tsv'}",
        "--rows=samples",
        "--batch=site",
        f"--out={out}",
    ]
    assert main(["encode", "--encoder=former", *options]) == 0
    np.testing.assert_allclose(
        pd.read_csv(out, sep="\t", index_col=0), registered.encode(values, "west"), atol=1e-5
    )
