"""The one config: parsing, refusals, and the MLproject that is rendered from it."""

from pathlib import Path

import pytest
import yaml

from genexp.cli import parse_arguments
from genexp.errors import ConfigError
from genexp.settings.mlproject import ENTRY_POINTS, render_mlproject, render_page
from genexp.settings.parse import parse_settings
from genexp.settings.section import Range
from genexp.settings.training import EncoderConfig
from genexp.settings.values import parameter_fields, parameter_names, section_values
from genexp.settings.verbs import VERBS, TrainSettings, TuneSettings

ROOT = Path(__file__).parents[2]


def test_mlproject_is_what_the_config_renders() -> None:
    assert (ROOT / "MLproject").read_text() == render_mlproject()


def test_the_page_of_parameters_is_what_the_config_renders() -> None:
    assert (ROOT / "docs" / "parameters.md").read_text() == render_page()


def test_mlproject_offers_every_parameter_of_every_entry_point() -> None:
    project = yaml.safe_load(render_mlproject())
    assert tuple(project["entry_points"]) == ENTRY_POINTS
    for verb, entry in project["entry_points"].items():
        assert list(entry["parameters"]) == parameter_names(VERBS[verb])
        assert all(f"--{name} {{{name}}}" in entry["command"] for name in entry["parameters"])


@pytest.mark.parametrize("verb", VERBS)
def test_defaults_survive_being_typed(verb: str) -> None:
    kind = VERBS[verb]
    assert parse_settings(kind, section_values(kind())) == kind()


@pytest.mark.parametrize(
    ("values", "fragment"),
    [
        ({"n_latnt": "3"}, "unknown parameter 'n_latnt'; did you mean 'n_latent'?"),
        ({"bogus": "3"}, "unknown parameter 'bogus'"),
        ({"n_latent": "0"}, "n_latent='0': input should be greater than or equal to 1"),
        ({"n_latent": "many"}, "n_latent='many': input should be a valid integer"),
        ({"hidden": "512,-1"}, "hidden="),
        ({"dropout": "1"}, "dropout='1': input should be less than 1"),
        ({"split": "70/20/20"}, "the shares must be positive and sum to 100"),
        ({"split": "most"}, "expected train/val/test as in 70/15/15"),
        ({"clip": "-1"}, "clip='-1': input should be greater than 0"),
        ({"scale": "log"}, "scale='log': input should be 'auto', 'counts'"),
        ({"name": "a/b"}, "name='a/b': expected a name without blanks, quotes and any of /"),
        ({"seed": "-1"}, "seed='-1'"),
    ],
)
def test_bad_values_are_refused_with_name_and_reason(values: dict[str, str], fragment: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_settings(TrainSettings, values)
    assert fragment.lower() in str(error.value).lower()


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ConfigError, match=r"n_latent=.*; dropout="):
        parse_settings(TrainSettings, {"n_latent": "0", "dropout": "2"})


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("9..3", "low <= high"),
        ("1..x", "valid number"),
        ("4..5000", "inside 1..4096"),
        ("1.5..3", "whole numbers"),
        ("nan", "finite"),
    ],
)
def test_bad_ranges_are_refused(text: str, fragment: str) -> None:
    with pytest.raises(ConfigError, match=fragment):
        parse_settings(TuneSettings, {"n_latent": text})


def test_a_single_value_is_a_range_of_one_point() -> None:
    settings = parse_settings(TuneSettings, {"n_latent": "16", "dropout": "0.1..0.3"})
    assert settings.n_latent.is_fixed
    assert settings.n_latent == Range(low=16, high=16)
    assert str(settings.dropout) == "0.1..0.3"


def test_layers_are_written_as_a_list() -> None:
    assert parse_settings(EncoderConfig, {"hidden": "2048, 512"}).hidden == (2048, 512)
    assert parse_settings(EncoderConfig, {"hidden": ""}).hidden == ()


def test_command_line_takes_hyphens_underscores_and_equals() -> None:
    for option in (["--n-latent", "7"], ["--n_latent", "7"], ["--n-latent=7"]):
        verb, settings = parse_arguments(["train", *option, "--cohort", "my-file--x.tsv"])
        assert (verb, settings.n_latent, settings.cohort) == ("train", 7, "my-file--x.tsv")


@pytest.mark.parametrize(
    "arguments", [["train", "--n_latnt", "3"], ["train", "3"], ["fly"], [], ["train", "--n_latent"]]
)
def test_bad_command_lines_are_config_errors(arguments: list[str]) -> None:
    with pytest.raises(ConfigError):
        parse_arguments(arguments)


def test_every_parameter_says_what_it_means() -> None:
    for kind in VERBS.values():
        assert all(field.description for field in parameter_fields(kind).values())
