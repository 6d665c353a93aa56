"""Settings of a verb hold their sections; parameters are given, copied and read flat."""

import pickle

import pytest

from genexp.errors import ConfigError
from genexp.settings.cohort import CohortConfig
from genexp.settings.parse import parse_settings
from genexp.settings.section import Section
from genexp.settings.training import EncoderConfig
from genexp.settings.values import held_sections, parameter_fields, section_values
from genexp.settings.verb import find_owners
from genexp.settings.verbs import (
    VERBS,
    MainSettings,
    PreprocessSettings,
    TrainSettings,
    TuneSettings,
)


def test_a_parameter_that_is_given_flat_is_in_its_section() -> None:
    settings = TrainSettings(n_latent=8, label="pam50", seed=3)
    assert (settings.training.n_latent, settings.reading.label, settings.run.seed) == (
        8,
        "pam50",
        3,
    )
    assert settings.training == EncoderConfig(n_latent=8)


@pytest.mark.parametrize("name", ["n_latent", "label", "seed", "cohort", "alias", "seeds"])
def test_a_parameter_is_read_flat(name: str) -> None:
    settings = TrainSettings()
    assert getattr(settings, name) == getattr(
        getattr(settings, find_owners(TrainSettings)[name]), name
    )


def test_a_section_can_be_given_whole_beside_single_parameters() -> None:
    settings = PreprocessSettings(
        reading=CohortConfig(cohort="brca.tsv", label="stage"), label="pam50", seed=1
    )
    assert settings == PreprocessSettings(cohort="brca.tsv", label="pam50", seed=1)


def test_a_copy_changes_parameters_in_their_sections() -> None:
    before = TrainSettings(n_latent=8)
    after = before.model_copy(update={"n_latent": 4, "seed": 9})
    assert after == TrainSettings(n_latent=4, seed=9)
    assert before == TrainSettings(n_latent=8)
    assert after.model_copy(update={"training": before.training}) == TrainSettings(
        n_latent=8, seed=9
    )


def test_settings_survive_the_way_to_another_process() -> None:
    settings = TuneSettings(n_latent="4..8", n_trials=2)
    assert pickle.loads(pickle.dumps(settings)) == settings


@pytest.mark.parametrize("settings", VERBS.values(), ids=VERBS)
def test_no_parameter_is_in_two_sections_or_has_the_name_of_one(settings: type[Section]) -> None:
    sections = held_sections(settings)
    names = [name for section in sections.values() for name in parameter_fields(section)]
    assert len(names) == len(set(names))
    assert not set(sections) & set(parameter_fields(settings))


def test_values_of_a_section_are_those_of_the_settings() -> None:
    settings = MainSettings(label="pam50", n_latent=4)
    assert section_values(settings, CohortConfig) == section_values(settings.reading)
    assert section_values(settings)["n_latent"] == "4"


def test_a_problem_names_the_parameter_and_not_its_section() -> None:
    with pytest.raises(
        ConfigError, match=r"^n_latent='0': input should be greater than or equal to 1"
    ):
        parse_settings(TrainSettings, {"n_latent": "0"})
    with pytest.raises(ConfigError, match=r"^reference_batch=A corrects nothing"):
        parse_settings(TrainSettings, {"reference_batch": "A"})
    with pytest.raises(ConfigError, match=r"^hidden='x': input should be a valid integer"):
        parse_settings(TrainSettings, {"hidden": "64,x"})


def test_an_unknown_attribute_is_an_error() -> None:
    with pytest.raises(AttributeError, match="n_latnt"):
        _ = TrainSettings().n_latnt
