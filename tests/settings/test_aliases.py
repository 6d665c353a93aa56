"""Former names of parameters are accepted with a warning that names the present one."""

from collections.abc import Mapping

import pytest

from genexp.cli import parse_arguments
from genexp.errors import ConfigError
from genexp.settings.aliases import NAMES, VALUES, update_names, update_stored
from genexp.settings.cohort import CohortConfig
from genexp.settings.parse import parse_settings
from genexp.settings.preprocessing import PreprocessConfig
from genexp.settings.values import parameter_names
from genexp.settings.verbs import VERBS, PreprocessSettings, TrainSettings

ALL = {name for settings in VERBS.values() for name in parameter_names(settings)}


def test_no_former_name_is_a_parameter_and_every_present_one_is() -> None:
    assert not set(NAMES) & ALL
    assert set(NAMES.values()) <= ALL
    assert {name for name, _ in VALUES} <= ALL


def test_a_former_name_in_python_means_the_present_one_and_warns_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert CohortConfig(**{"study": "lab"}) == CohortConfig(batch="lab")
    assert capsys.readouterr().err == "note: parameter study is now called batch\n"


@pytest.mark.parametrize(
    "options",
    [
        ["--study", "lab"],
        ["--study=lab"],
        ["--batch", "", "--study", "lab"],
        ["--study", "lab", "--batch", "lab"],
    ],
)
def test_a_former_name_on_the_command_line_means_the_present_one(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """MLproject passes ``--batch ''`` beside the option that the user gave."""
    assert parse_arguments(["train", *options])[1] == TrainSettings(batch="lab")
    assert capsys.readouterr().err == "note: parameter study is now called batch\n"


def test_dashes_are_accepted_in_a_former_name() -> None:
    assert (
        parse_arguments(["train", "--batch=lab", "--correction=combat", "--unseen-study=estimate"])[
            1
        ].unseen_batch
        == "estimate"
    )


def test_two_names_with_different_values_are_refused() -> None:
    with pytest.raises(
        ConfigError, match="study=x and batch=y are one parameter with two values; give batch alone"
    ):
        parse_settings(PreprocessSettings, {"study": "x", "batch": "y"})


def test_a_bad_value_under_a_former_name_is_refused_under_the_present_one() -> None:
    with pytest.raises(
        ConfigError, match="unseen_batch='skip': input should be 'refuse' or 'estimate'"
    ):
        parse_settings(PreprocessConfig, {"unseen_study": "skip"})


def test_a_former_name_is_unknown_where_the_present_one_is() -> None:
    with pytest.raises(ConfigError, match="unknown parameter 'study'"):
        parse_arguments(["compare", "--study", "lab"])


def test_help_does_not_show_former_names(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_arguments(["train", "--help"])
    shown = capsys.readouterr().out
    assert "--batch" in shown
    assert not [name for name in NAMES if f"--{name} " in shown]


@pytest.mark.parametrize(
    ("values", "present"),
    [
        ({"study": "lab", "label": "pam50"}, {"batch": "lab", "label": "pam50"}),
        ({"batch": "lab"}, {"batch": "lab"}),
    ],
)
def test_stored_values_get_present_names_without_a_warning(
    values: Mapping[str, str], present: Mapping[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert update_stored(values) == present
    assert capsys.readouterr().err == ""


def test_a_former_value_means_the_present_one_and_warns(capsys: pytest.CaptureFixture[str]) -> None:
    assert parse_arguments(["train", "--basis", "span", "--skip", "pca", "--anchor", "none"])[
        1
    ] == TrainSettings(basis="rows", skip="none")
    assert (
        capsys.readouterr().err
        == "note: parameter anchor is now called skip\nnote: basis=span is now called basis=rows\n"
    )


def test_a_stored_configuration_keeps_its_meaning() -> None:
    stored = {"basis": "span", "anchor": "none", "metrics": {"loss/val": 1.0}}
    assert update_stored(stored) == {"basis": "rows", "skip": "none", "metrics": {"loss/val": 1.0}}


def test_a_section_leaves_former_names_of_other_sections_alone() -> None:
    assert update_names({"study": "lab"}, {"n_latent": "32"}) == ({"study": "lab"}, [])
