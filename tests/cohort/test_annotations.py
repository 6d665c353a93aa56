"""Label, group, time and event, on which all other packages rely."""

import numpy as np
import pandas as pd
import pytest

from genexp.cohort.annotations import add_canonical_columns
from genexp.settings.cohort import CohortConfig


def annotate(columns: dict[str, object], **options: str) -> tuple[pd.DataFrame, dict[str, object]]:
    obs = pd.DataFrame(columns)
    obs.index = pd.Index([f"S{i}" for i in range(len(obs))], name="sample_id")
    return add_canonical_columns(obs, CohortConfig(**options))


def test_labels_are_categories_of_text_and_blank_ones_are_unlabelled() -> None:
    obs, report = annotate({"grade": [1.0, 2.0, np.nan, 1.0, 2.0, 2.0, 1.0]}, label="grade")
    assert obs["label"].cat.categories.tolist() == ["1", "2"]
    assert obs["label"].isna().tolist() == [False, False, True, False, False, False, False]
    assert report["classes"] == {"1": 3, "2": 3}
    obs, _ = annotate(
        {"grade": ["low", " ", "high", "low", None, "high", "low", "low"]}, label="grade"
    )
    assert obs["label"].isna().sum() == 2


def test_groups_are_patients_where_known_and_samples_otherwise() -> None:
    obs, report = annotate({"patient_id": ["P1", None, "P1", "P2"]})
    assert obs["group"].tolist() == ["P1", "S1", "P1", "P2"]
    assert (report["n_groups"], report["n_without_group"]) == (3, 1)
    assert annotate({"site": ["a", "a", "b"]})[0]["group"].tolist() == ["S0", "S1", "S2"]
    assert annotate({"site": ["a", "a", "b"], "patient_id": list("xyz")}, group="site")[0][
        "group"
    ].tolist() == ["a", "a", "b"]


@pytest.mark.parametrize(
    "events",
    [
        [1, 0, 1],
        [1.0, 0.0, 1.0],
        [True, False, True],
        ["dead", "alive", "Dead"],
        ["Deceased", "Living", "deceased"],
        ["1:DECEASED", "0:LIVING", "1:DECEASED"],
        ["yes", "no", "Yes"],
    ],
)
def test_events_are_read_from_numbers_and_words(events: list[object]) -> None:
    obs, _ = annotate({"t": [5, 6, 7], "e": events}, time="t", event="e", time_unit="days")
    assert obs["event"].tolist() == [1.0, 0.0, 1.0]
    assert obs["time_days"].tolist() == [5.0, 6.0, 7.0]


@pytest.mark.parametrize(("unit", "days"), [("days", 12.0), ("months", 365.25), ("years", 4383.0)])
def test_times_are_converted_to_days(unit: str, days: float) -> None:
    obs, _ = annotate({"t": [12, 1], "e": [1, 0]}, time="t", event="e", time_unit=unit)
    assert obs["time_days"].iloc[0] == pytest.approx(days)


def test_unknown_outcomes_and_time_zero_are_left_out_and_counted() -> None:
    nan = np.nan
    obs, report = annotate(
        {"t": [10, 0, nan, nan, 7], "e": [1, 0, nan, 0, nan]}, time="t", event="e", time_unit="days"
    )
    assert obs["time_days"].notna().tolist() == [True, False, False, False, False]
    assert obs["event"].notna().tolist() == [True, False, False, False, False]
    assert (report["n_survival"], report["n_events"]) == (1, 1)
    assert (report["n_survival_time_zero"], report["n_survival_unknown"]) == (1, 3)


@pytest.mark.parametrize("unit", ["days", "years"])
def test_time_zero_is_half_a_day_where_that_is_the_policy(unit: str) -> None:
    nan = np.nan
    obs, report = annotate(
        {"t": [10, 0, 0, 0], "e": [1, 0, 1, nan]},
        time="t",
        event="e",
        time_unit=unit,
        zero_time="half_day",
    )
    assert obs["time_days"].iloc[1:].tolist() == pytest.approx([0.5, 0.5, nan], nan_ok=True)
    assert obs["event"].tolist() == pytest.approx([1.0, 0.0, 1.0, nan], nan_ok=True)
    assert (report["n_survival"], report["n_events"], report["n_survival_time_zero"]) == (3, 2, 2)


def test_a_column_that_merely_has_a_canonical_name_steps_aside() -> None:
    obs, _ = annotate(
        {"event": [0, 0, 0], "label": ["x", "y", "x"], "t": [1, 2, 3], "e": [1, 0, 1]},
        time="t",
        event="e",
        time_unit="days",
    )
    assert obs["event"].tolist() == [1.0, 0.0, 1.0]
    assert obs["given_event"].tolist() == [0, 0, 0]
    assert "label" not in obs
    assert obs["given_label"].tolist() == ["x", "y", "x"]


def test_a_source_column_with_its_canonical_name_is_simply_used() -> None:
    obs, _ = annotate({"event": [0, 1, 0], "time_days": [1, 2, 3]}, time="time_days", event="event")
    assert set(obs.columns) == {"event", "time_days", "group"}
