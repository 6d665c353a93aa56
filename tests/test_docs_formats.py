"""The page of formats says what the reader does."""

from pathlib import Path

from genexp.formats import FORMATS
from genexp.names.vocabulary import MISSING_WORDS
from genexp.settings.cohort import CohortConfig
from genexp.settings.values import list_choices

PAGE = (Path(__file__).parents[1] / "docs" / "formats.md").read_text(encoding="utf-8")


def render_formats() -> str:
    """Rows of the table of formats."""
    return "\n".join(
        f"| {one.name} | {one.recognised_by} | {'yes' if one.annotate else 'no'} | {one.layer} |"
        for one in FORMATS
    )


def test_every_format_is_in_the_table_with_what_it_is_recognised_by() -> None:
    assert render_formats() in PAGE


def test_every_scale_and_every_word_for_missing_values_is_told() -> None:
    scales = {
        scale
        for scale in list_choices(CohortConfig, "scale")
        if scale not in ("auto", "ln_norm_count")
    }
    assert {scale for scale in scales if f"| `{scale}` |" not in PAGE} == set()
    assert {word for word in MISSING_WORDS if word and f"`{word}`" not in PAGE} == set()


def test_every_parameter_of_reading_is_told() -> None:
    names = (
        "rows",
        "scale",
        "where",
        "sample_id",
        "unmatched",
        "missing_words",
        "metadata",
        "date_genes",
        "group",
        "event_value",
        "time_unit",
    )
    assert [name for name in names if f"{name}=" not in PAGE] == []
