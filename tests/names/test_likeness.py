"""Names that need no close look are those of nothing but genes and samples."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genexp.names.gene_names import is_date_like
from genexp.names.genes import display_name, is_nameless
from genexp.names.likeness import find_unusual_names, is_metadata_name, is_summary
from genexp.names.vocabulary import GENE_COLUMNS, ORDINARY, SAMPLE_COLUMNS, SUMMARIES


@settings(deadline=None, database=None, derandomize=True, max_examples=300)
@given(st.from_regex(ORDINARY, fullmatch=True))
def test_an_ordinary_name_is_a_symbol_or_an_id_and_nothing_else(name: str) -> None:
    assert not is_metadata_name(name)
    assert not is_summary(name)
    assert not is_nameless(name)
    assert not is_date_like(name)
    assert display_name(name) == name


FORMS = st.one_of(
    *(
        st.from_regex(pattern, fullmatch=True)
        for pattern in (SAMPLE_COLUMNS, GENE_COLUMNS, SUMMARIES)
    )
)


@pytest.mark.parametrize("case", [str, str.upper, str.title])
@settings(deadline=None, database=None, derandomize=True, max_examples=300)
@given(FORMS.filter(str.isascii))
def test_names_of_annotations_and_summaries_are_looked_at_closely(
    case: Callable[[str], str], name: str
) -> None:
    assert find_unusual_names([case(name)]) == [0]
