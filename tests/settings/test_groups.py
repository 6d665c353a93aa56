"""Help shows parameters by section, and the numbers of one model type under its name."""

import pytest

from genexp.cli import parse_arguments
from genexp.model.types import MODEL_TYPES
from genexp.settings.groups import list_groups
from genexp.settings.section import Section
from genexp.settings.values import parameter_names
from genexp.settings.verbs import VERBS, TrainSettings, TuneSettings


@pytest.mark.parametrize("settings", VERBS.values(), ids=VERBS)
def test_every_parameter_is_in_one_group(settings: type[Section]) -> None:
    names = [name for group in list_groups(settings) for name in group.names]
    assert sorted(names) == sorted(parameter_names(settings))
    assert len({group.title for group in list_groups(settings)}) == len(list_groups(settings))


def test_groups_follow_the_way_of_the_data() -> None:
    titles = [
        group.title for group in list_groups(TrainSettings) if not group.title.startswith("model, ")
    ]
    assert titles == [
        "cohort",
        "preprocessing",
        "run",
        "model",
        "training",
        "transfer",
        "seeds",
        "registry",
    ]


@pytest.mark.parametrize("settings", [TrainSettings, TuneSettings])
def test_numbers_of_a_model_type_are_under_its_name_alone(settings: type[Section]) -> None:
    groups = {group.title: group.names for group in list_groups(settings)}
    assert groups["model, kind=denoising or stacked"] == (
        "corruption",
        "corruption_level",
        "rectify",
    )
    assert groups["model, kind=stacked"] == ("pretrain_epochs",)
    own = {
        name
        for kind in MODEL_TYPES.values()
        if "Parameters" in vars(kind)
        for name in kind.Parameters.model_fields
    }
    assert own == {
        name
        for title, names in groups.items()
        if title.startswith("model, kind=")
        for name in names
    }


def test_help_begins_with_one_line_of_usage_and_shows_the_groups(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        parse_arguments(["train", "--help"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["usage: python -m genexp train [--parameter VALUE ...]", ""]
    assert [f"{group.title}:" for group in list_groups(TrainSettings)] == [
        line for line in lines if line.endswith(":") and line[0] != " "
    ][1:]
