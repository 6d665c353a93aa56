"""Queries of ``where=`` mean what pandas' mean, are refused in one sentence otherwise, and never
run anything.
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from genexp.errors import CohortError
from genexp.query import named_columns, quote_column, select_rows

OBS = pd.DataFrame(
    {
        "type": ["tumor", "normal", None, "tumor", "cell line"],
        "site": ["lung", "left lung", "skin", "lung left", "breast"],
        "age": [34.0, 61.0, 45.0, np.nan, 80.0],
        "n": [1, 2, 3, 4, 5],
        "keep": [True, False, True, True, False],
        "OS.time": [10.0, np.nan, -1.0, 400.0, 20.0],
        "OS": [1.0, 1.0, 0.0, np.nan, 1.0],
        "grade": ["1", "2", "10", "2", None],
        "cluster": ["1.1", "1.10", "2.1", "2.1", "x"],
        "site-code": ["a-b", "a", "b", "a-b", "it's"],
    },
    index=pd.Index(["S1", "S2", "S3", "S4", "S5"], name="sample_id"),
)

AS_IN_PANDAS = """
type == 'tumor'
type == "tumor"
'tumor' == type
type != 'tumor'
not type == 'tumor'
type in ['tumor', 'normal']
type in ('tumor', 'normal',)
type not in ['tumor']
not type in ['tumor']
type == ['tumor', 'normal']
type != ['tumor', 'normal']
type in []
type > 'm'
age < 60
not age < 60
age != 61
30 < age <= 61
80 >= age > 40 != n
n in [1, 3, 5.0]
n == -1 or n == +2
n >= 1e0 and n < .4e1
age == age
age != age
n < age
keep
not keep
~keep
not not keep
keep == True
keep != False
keep == 1
~keep == True
keep and n > 1
keep & n > 1
keep | n > 1 and age > 60
keep or n > 1 & age > 60
not keep & n > 1
not keep and n > 1
~keep & n > 1
not (keep & n > 1)
(keep | n == 2) & ~(age > 60)
n == 1 or n == 2 and keep
not n == 1 or keep
age.isna()
~age.isna() & n > 1
not age.notna()
age.isnull() | type.notnull()
age.isna() == False
(n > 2) == keep
type.isin(['tumor'])
~type.isin(['tumor', 'normal'])
site.str.contains('lung')
~site.str.contains('lung')
site.str.startswith('lung') or site.str.endswith('lung')
not `OS.time` < 0
not (OS == 1.0 and `OS.time`.isna())
`site-code` == 'a-b' and not `OS.time` < 0
`site-code`.str.contains("it's")
`site-code` == 'it\\'s'
grade == '2'
cluster in ['1.1', '2.1']
type == 'tumor' and age < 60 or type == 'normal'
sample_id in ['S1', 'S4']
index != 'S1'
not type in ['mix', 'other', 'tumor'] and site != 'skin'
(type != 'tumor') and site == 'skin'
""".strip().splitlines()


@pytest.mark.parametrize("where", AS_IN_PANDAS)
def test_a_query_means_what_it_means_to_pandas(where: str) -> None:
    expected = OBS.eval(where, engine="python").eq(True).to_numpy()
    assert select_rows(OBS, where).tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("", "12345"),
        (" \n", "12345"),
        ("OS.time > 15", "45"),
        ("OS.time.isna()", "2"),
        ("age is missing", "4"),
        ("age is not missing", "1235"),
        ("not age is missing and keep", "13"),
        ("not type.str.contains('o')", "35"),
        ("type.str.contains('tumor')", "14"),
        ("grade == 2", "24"),
        ("grade != 2", "135"),
        ("grade in [1, 10]", "13"),
        ("grade > 2", "3"),
        ("grade >= '2'", "234"),
        ("grade == n", "12"),
        ("n == '3'", "3"),
        ("n in ['1', 2]", "12"),
        ("cluster == 1.2", ""),
        ("cluster == '1.1'", "1"),
        ("keep == 'TRUE'", "134"),
        ("OS == True", "125"),
        ("not OS == True", "34"),
        ("`site-code` == 1", ""),
        ("type\n== 'tumor'\tand keep", "14"),
    ],
)
def test_a_query_beyond_pandas_keeps_these_rows(where: str, rows: str) -> None:
    assert [sample[1] for sample in OBS.index[select_rows(OBS, where)]] == list(rows)


TYPED = {
    "whole": pd.array([1, None, 3], dtype="Int64"),
    "text": pd.array(["a", None, "b"], dtype="string"),
    "arrow": pd.array(["a", None, "b"], dtype="string[pyarrow]"),
    "flag": pd.array([True, None, False], dtype="boolean"),
    "words": np.array(["True", None, "FALSE"], dtype=object),
    "classes": pd.Categorical(["a", None, "b"]),
    "levels": pd.Categorical([1, None, 10]),
    "small": np.array([0.1, 0.2, 0.3], dtype=np.float32),
    "byte": np.array([1, 2, 3], dtype=np.uint8),
    "exact": np.array([Decimal("0.1"), None, Decimal("2")], dtype=object),
    "mixed": np.array([1.0, None, "x"], dtype=object),
    "day": np.array([datetime.date(2020, 1, 31), None, datetime.date(2021, 1, 1)], dtype=object),
    "hour": pd.to_datetime(["2020-01-31 12:00:00.5", None, "2021-01-01"], format="ISO8601"),
    "empty": np.array([None, None, None], dtype=object),
}


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("whole < 3", [0]),
        ("not whole < 3", [1, 2]),
        ("whole != 1", [1, 2]),
        ("text == 'a' or arrow == 'b'", [0, 2]),
        ("text != 'a'", [1, 2]),
        ("flag", [0]),
        ("not flag", [1, 2]),
        ("flag == False", [2]),
        ("words", [0]),
        ("words == False", [2]),
        ("classes == 'a'", [0]),
        ("classes != 'a'", [1, 2]),
        ("levels == '10' or levels == 1", [0, 2]),
        ("levels > 9", [2]),
        ("small == 0.1", [0]),
        ("small < 1e300", [0, 1, 2]),
        ("byte > -1 and byte < 300", [0, 1, 2]),
        ("exact == 0.1", [0]),
        ("mixed == 1", [0]),
        ("mixed == '1'", [0]),
        ("day > '2020-02-01'", [2]),
        ("hour == '2021-01-01'", [2]),
        ("hour > '2020-01-31 11:00:00'", [0, 2]),
        ("hour == '2020-01-31T12:00:00.5'", [0]),
        ("empty", []),
        ("empty == 'a' or empty > 3 or empty.str.contains('a')", []),
        ("empty is missing", [0, 1, 2]),
    ],
)
def test_columns_of_every_type_are_compared(where: str, rows: list[int]) -> None:
    assert np.flatnonzero(select_rows(pd.DataFrame(TYPED), where)).tolist() == rows


REFUSALS = {
    "type = 'tumor'": ["character 6", "a comparison is written =="],
    "type == ": ["character 9", "found the end"],
    "type == 'tumor": ["character 9", "not closed"],
    "`type == 'tumor'": ["character 1", "not closed"],
    "stage == 1": ["'stage' is not a column", "10 (type, site, age"],
    "Type == 'tumor'": ["did you mean type?"],
    "site_code == 'a'": ["did you mean `site-code`?"],
    "site-code == 'a'": ["character 5", "needs backticks"],
    "type == tumor": ["'tumor' is not a column", "a text is written between quotes"],
    "keep == true": ["did you mean True?"],
    "age == None": ["is missing"],
    "age": ["column 'age' holds numbers", "not a condition"],
    "site": ["column 'site' holds text", "not a condition"],
    "not age": ["not a condition"],
    "~n == 1": ["character 2", "not a condition"],
    "keep or True": ["True alone is not a condition"],
    "'tumor'": ["not a condition"],
    "n + 1 > 2": ["character 3", "arithmetic is not a condition"],
    "1 == 1": ["must be a column"],
    "1 in [1]": ["the number 1 is not a column"],
    "age == 'old'": [
        "character 8",
        "the text 'old' is compared with column 'age', which holds numbers",
    ],
    "n in [1, 'two']": ["character 10", "the text 'two'"],
    "type < 3": [
        "column 'type' is compared with the number 3",
        "3 ('tumor', 'normal', 'cell line')",
    ],
    "type == age": ["other values than numbers"],
    "keep == 2": ["the number 2 is compared with column 'keep', which holds True and False"],
    "keep == 'yes'": ["True and False"],
    "n == True": ["4 ('2', '3', '4', '5')"],
    "cluster == 1.1": ["the number 1.1 is ambiguous", "2 ('1.1', '1.10')", "between quotes"],
    "cluster > '1'": ["1 ('x')"],
    "n.str.contains('1')": [".str.contains is for text"],
    "type.str.contains('tumor|normal')": ["not for a regular expression"],
    "type.str.contains('a', case=False)": ["character 22", "expected ')'"],
    "type in 'tumor'": ["expected a list"],
    "type in [tumor]": ["between quotes"],
    "n in [1, [2]]": ["character 10"],
    "n in [1 2]": ["expected ','"],
    "n in [1": ["expected ','", "found the end"],
    "['tumor'] == type": ["character 1"],
    "n == 1 AND keep": ["'AND'"],
    "(n == 1": ["expected ')'"],
    "n == 1)": ["character 7"],
    "()": ["character 2"],
    "n == == 1": ["character 6"],
    "n is 1": ["expected missing"],
    "1 is missing": ["only a column can be missing"],
    "(n == 1) is missing": ["only a column can be missing"],
    "n < 1e999": ["too large"],
    "n < 0x10": ["character 5"],
    "n < 1_000": ["character 5"],
    "type == “tumor”": ["straight quotes"],
    r"type == 'a\n'": ["a backslash is allowed only"],
    "age.mean() > 3": ["'age.mean' is not a method"],
    "`age`.max() > 3": ["'.max' is not a method"],
    "isna(age)": ["'isna' is not a method"],
    "age.isna": ["'age.isna' is not a column"],
    "(" * 10_000: ["character 52", "nested more than 50 deep"],
    "not " * 10_000 + "keep": ["nested more than 50 deep"],
    "~" * 10_000 + "keep": ["nested more than 50 deep"],
    "(" * 10_000 + "keep" + ")" * 10_000: ["nested more than 50 deep"],
    "keep or " * 20_000 + "keep": ["160,004 characters"],
    "9" * 5_000 + " > n": ["too large"],
    "x" * 50_000: ["is not a column"],
    "\x1b" * 50_000: ["character 1"],
}


def assert_refused(obs: pd.DataFrame, where: str, fragments: list[str]) -> None:
    with pytest.raises(CohortError) as refusal:
        select_rows(obs, where)
    message = str(refusal.value)
    assert [
        fragment
        for fragment in ["cannot be answered: at character ", *fragments]
        if fragment not in message
    ] == [], message
    assert message.isprintable()
    assert len(message) < 1000


@pytest.mark.parametrize("where", REFUSALS, ids=lambda where: where[:40])
def test_a_fault_is_named_with_its_position(where: str) -> None:
    assert_refused(OBS, where, REFUSALS[where])


@pytest.mark.parametrize(
    ("values", "where", "fragment"),
    [
        (
            pd.Categorical(["low", "high"], categories=["low", "high"], ordered=True),
            "x < 'high'",
            "its own order (low < high)",
        ),
        ([[1], [2]], "x == 1", "cannot compare"),
        (pd.to_timedelta([1, 2]), "x == 1", "timedelta"),
        (
            pd.to_datetime(["2020-01-01", "2021-01-01"]).tz_localize("Europe/Berlin"),
            "x == '2020-01-01'",
            "cannot compare",
        ),
        (
            pd.to_datetime(["2020-01-01", "2021-01-01"]),
            "x > '31.12.2020'",
            "dates such as '2020-01-31'",
        ),
        (pd.to_datetime(["2020-01-01", "2021-01-01"]), "x > 2020", "dates such as '2020-01-31'"),
        (["9007199254740993", "1"], "x == 9007199254740992", "ambiguous"),
        (["a" * 5_000, "b\nc"], "x < 3", "...'"),
    ],
    ids=[
        "ordered categories",
        "lists",
        "durations",
        "time zones",
        "a date of another form",
        "a year",
        "long identifiers",
        "long texts",
    ],
)
def test_values_that_cannot_be_compared_are_refused(values: Any, where: str, fragment: str) -> None:
    assert_refused(pd.DataFrame({"x": values}), where, [fragment])


def test_a_name_of_two_columns_is_refused() -> None:
    assert_refused(
        pd.DataFrame([[1, 2]], columns=["x", "x"]), "x == 1", ["2 columns are called 'x'"]
    )


def test_without_annotations_the_refusal_asks_for_them() -> None:
    assert_refused(
        pd.DataFrame(index=["S1"]), "type == 'a'", ["there are no annotations", "give obs"]
    )


@pytest.mark.parametrize(
    "where",
    [
        "__import__('os').system('touch stolen')",
        "@__import__('os').system('touch stolen') == type",
        "@pd.io.common.os.system('touch stolen') == n",
        "@x == 1",
        "obs.to_csv('stolen')",
        "type.to_csv('stolen')",
        "`type`.to_csv('stolen')",
        "open('stolen', 'w').write('') == 0",
        'exec(\'open("stolen", "w")\')',
        "type.__class__.__base__.__subclasses__()",
        "n.__init__.__globals__ == 1",
        "().__class__ == 1",
        "''.__class__ == type",
        "(lambda: open('stolen', 'w'))()",
        "[open('stolen', 'w') for i in [1]] == 1",
        'f\'{open("stolen", "w")}\' == type',
        "n == 1; import os",
        "keep = 1",
        "n == 1 if keep else open('stolen', 'w')",
        "n[0] == 1",
        "type.str.contains(open('stolen', 'w'))",
        "type.isin(open('stolen', 'w'))",
        "n == 1 # comment",
        "n == 1\\",
        "\\x6e == 1",
        "n == $HOME",
        "`n == 1",
        "n == {1}",
        "n == 1 \x00",
        "n := 1",
    ],
)
def test_an_attack_is_refused_and_runs_nothing(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert_refused(OBS, where, [])
    assert list(tmp_path.iterdir()) == []


def test_columns_are_listed_once_and_in_order() -> None:
    where = (
        "not `site-code` == 'a' and 40 < age < n and age.isna() or OS.time.isna() and type in "
        "['n'] and `a``b`.str.contains('c')"
    )
    assert named_columns(where) == ["site-code", "age", "n", "OS.time", "type", "a`b"]
    assert named_columns(" ") == []
    with pytest.raises(CohortError, match="at character 7"):
        named_columns("age ==")


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("age", "age"),
        ("OS.time", "OS.time"),
        ("site-code", "`site-code`"),
        ("in", "`in`"),
        ("True", "`True`"),
        ("5hmC", "`5hmC`"),
        ("", "``"),
    ],
)
def test_a_name_is_quoted_where_it_must_be(name: str, quoted: str) -> None:
    assert quote_column(name) == quoted
