"""Survival: words of events, units of times, and what contradicts itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tests.layouts.layout import Layouts
from tests.layouts.truth import DAYS, EVENT, IDS, OBS, E, N, by_sample, expect, write_obs

LAYOUTS = Layouts()
MONTHS, YEARS = DAYS / 30.4375, DAYS / 365.25
SEEN = by_sample(EVENT.astype(float))
TIME = by_sample(DAYS.astype(float))


def survival(
    folder: Path,
    time: str = "OS.time",
    event: str = "OS",
    parameters: dict | None = None,
    **columns,
):
    """Parameters for a table with further columns, in which titles have ``__`` for a blank."""
    E.to_csv(folder / "m.csv")
    write_obs(
        folder,
        OBS.assign(**{title.replace("__", " "): values for title, values in columns.items()}),
    )
    return {"cohort": "m.csv", "obs": "obs.tsv", "time": time, "event": event} | (parameters or {})


def words(seen: str, censored: str) -> list[str]:
    return [seen if event else censored for event in EVENT]


# ---- words of events
# -----------------------------------------------------------------------------------------------
@LAYOUTS
def deceased_with_a_number(folder: Path):
    return survival(folder, event="OS_STATUS", OS_STATUS=words("1:DECEASED", "0:LIVING")), expect(
        event=SEEN, time=TIME
    )


@LAYOUTS
def recurred_with_a_number(folder: Path):
    return survival(
        folder, event="DFS_STATUS", DFS_STATUS=words("1:Recurred/Progressed", "0:DiseaseFree")
    ), expect(event=SEEN)


@LAYOUTS
def alive_and_dead_in_any_case(folder: Path):
    return survival(
        folder,
        event="vital",
        vital=[word.upper() if i % 2 else word for i, word in enumerate(words("Dead", "Alive"))],
    ), expect(event=SEEN)


@LAYOUTS
def y_and_n(folder: Path):
    return survival(folder, event="died", died=words("Y", "N")), expect(event=SEEN)


@LAYOUTS
def true_and_false_of_r(folder: Path):
    return survival(folder, event="dead", dead=words("TRUE", "FALSE")), expect(event=SEEN)


@LAYOUTS
def one_and_nought_as_floats(folder: Path):
    return survival(folder, event="e", e=words("1.0", "0.0")), expect(event=SEEN)


@LAYOUTS
def died_of_disease_or_of_other_causes(folder: Path):
    """METABRIC: whether a death of other causes is an event depends on the question."""
    causes = [
        ("Died of Disease" if i % 2 else "Died of Other Causes") if event else "Living"
        for i, event in enumerate(EVENT)
    ]
    return survival(folder, event="VITAL_STATUS", VITAL_STATUS=causes), {"refuse": ["event_value"]}


@LAYOUTS
def died_of_disease_with_event_value(folder: Path):
    causes = [
        ("Died of Disease" if i % 2 else "Died of Other Causes") if event else "Living"
        for i, event in enumerate(EVENT)
    ]
    right = expect(event=by_sample([float(cause == "Died of Disease") for cause in causes]))
    return survival(
        folder,
        event="VITAL_STATUS",
        VITAL_STATUS=causes,
        parameters={"event_value": "Died of Disease"},
    ), right


@LAYOUTS
def status_1_or_2(folder: Path):
    """R's ``lung``: 1 is censored, 2 is dead."""
    return survival(folder, event="status", status=EVENT + 1), {"refuse": ["event_value"]}


@LAYOUTS
def status_1_or_2_with_event_value(folder: Path):
    return survival(
        folder, event="status", status=EVENT + 1, parameters={"event_value": "2"}
    ), expect(event=SEEN, time=TIME)


@LAYOUTS
def unknown_words(folder: Path):
    return survival(folder, event="outcome", outcome=words("+", "o")), {"refuse": ["event_value"]}


@LAYOUTS
def a_status_that_is_missing_for_some(folder: Path):
    status = ["[Not Available]" if i < 4 else word for i, word in enumerate(words("Dead", "Alive"))]
    seen = [np.nan if i < 4 else float(event) for i, event in enumerate(EVENT)]
    return survival(folder, event="vital_status", vital_status=status), expect(
        event=by_sample(seen), says=["4 of 36"]
    )


# ---- units of times
# ------------------------------------------------------------------------------------------------
@LAYOUTS
def months_by_name(folder: Path):
    return survival(
        folder, time="Overall Survival (Months)", **{"Overall Survival (Months)": MONTHS.round(4)}
    ), expect(time=TIME, time_tolerance=0.01, says=["months"])


@LAYOUTS
def years_by_name(folder: Path):
    return survival(folder, time="survival_years", survival_years=YEARS.round(5)), expect(
        time=TIME, time_tolerance=0.01, says=["years"]
    )


@LAYOUTS
def weeks_as_stated(folder: Path):
    return survival(
        folder, time="fu", fu=(DAYS / 7).round(4), parameters={"time_unit": "weeks"}
    ), expect(time=TIME, time_tolerance=0.01)


@LAYOUTS
def days_by_their_size(folder: Path):
    return survival(folder, time="futime", futime=DAYS), expect(time=TIME, says=["days"])


@LAYOUTS
def short_times_without_a_unit(folder: Path):
    return survival(folder, time="futime", futime=MONTHS.round(2)), {"refuse": ["time_unit"]}


@LAYOUTS
def years_by_name_that_can_only_be_days(folder: Path):
    return survival(folder, time="OS_years", OS_years=DAYS), {"refuse": ["time_unit"]}


@LAYOUTS
def days_by_name_that_can_only_be_years(folder: Path):
    return survival(folder, time="OS_days", OS_days=YEARS.round(3)), {"refuse": ["time_unit"]}


@LAYOUTS
def months_by_name_that_can_only_be_days(folder: Path):
    return survival(folder, time="OS.months", **{"OS.months": DAYS}), {"refuse": ["time_unit"]}


# ---- contradictions
# ------------------------------------------------------------------------------------------------
@LAYOUTS
def a_negative_time(folder: Path):
    return survival(folder, time="t_days", t_days=np.where(np.arange(N) == 5, -3, DAYS)), {
        "refuse": ["negative"]
    }


@LAYOUTS
def a_time_of_zero(folder: Path):
    return survival(folder, time="t_days", t_days=np.where(np.arange(N) == 5, 0, DAYS)), expect(
        time=by_sample(np.where(np.arange(N) == 5, np.nan, DAYS)),
        event=by_sample(np.where(np.arange(N) == 5, np.nan, EVENT)),
        says=["0", "zero"],
    )


@LAYOUTS
def a_time_of_zero_is_half_a_day_on_request(folder: Path):
    return survival(
        folder,
        time="t_days",
        t_days=np.where(np.arange(N) == 5, 0, DAYS),
        parameters={"zero_time": "half_day"},
    ), expect(time=by_sample(np.where(np.arange(N) == 5, 0.5, DAYS)))


@LAYOUTS
def a_time_without_end(folder: Path):
    times = DAYS.astype(object)
    times[3] = "-Inf"
    return survival(folder, time="t_days", t_days=times), {"refuse": ["inf"]}


@LAYOUTS
def an_event_without_a_time(folder: Path):
    times = DAYS.astype(object)
    times[np.flatnonzero(EVENT)[0]] = ""
    return survival(folder, time="t_days", t_days=times), {"refuse": ["no time"]}


@LAYOUTS
def times_in_words(folder: Path):
    return survival(folder, time="t", t=[f"{days} days" for days in DAYS]), {"refuse": ["text"]}


@LAYOUTS
def days_to_death_alone(folder: Path):
    """GDC: those who live have a time only in another column."""
    columns = {
        "days_to_death": [days if event else "'--" for days, event in zip(DAYS, EVENT, strict=True)]
    }
    columns["days_to_last_follow_up"] = [
        "'--" if event else days for days, event in zip(DAYS, EVENT, strict=True)
    ]
    right = expect(says=["censor"]) | {"or_refuse": ["censor", "follow-up", "follow_up"]}
    return survival(
        folder,
        time="days_to_death",
        event="vital_status",
        vital_status=words("Dead", "Alive"),
        **columns,
    ), right


@LAYOUTS
def the_dead_alone(folder: Path):
    """Every sample of the table died: there is no censoring, and that is said."""
    return survival(folder, OS=np.ones(N, int)), expect(
        event=by_sample(np.ones(N)), says=["censor"]
    )


@LAYOUTS
def nobody_has_the_event(folder: Path):
    return survival(folder, OS=np.zeros(N, int)), expect(
        event=by_sample(np.zeros(N)), says=["no sample has the event"]
    ) | {"or_refuse": ["event"]}


@LAYOUTS
def time_without_event(folder: Path):
    parameters = survival(folder)
    del parameters["event"]
    return parameters, {"refuse": ["event"]}


@LAYOUTS
def time_and_event_exchanged(folder: Path):
    return survival(folder, time="OS", event="OS.time"), {"refuse": ["event", "time"]}


@LAYOUTS
def times_with_a_decimal_comma_in_a_table_of_semicolons(folder: Path):
    E.to_csv(folder / "m.csv")
    OBS.assign(Monate_months=MONTHS.round(3)).to_csv(
        folder / "obs.csv", sep=";", decimal=",", index=False
    )
    parameters = {"cohort": "m.csv", "obs": "obs.csv", "time": "Monate_months", "event": "OS"}
    return parameters, expect(time=TIME, time_tolerance=0.05) | {"or_refuse": ["comma"]}


@LAYOUTS
def survival_of_patients_with_two_samples_each(folder: Path):
    samples = [f"TCGA-GL-{i // 2:04d}-{'11A' if i % 2 else '01A'}" for i in range(N)]
    E.set_axis(samples).to_csv(folder / "m.csv")
    table = pd.DataFrame(
        {
            "_PATIENT": [name[:12] for name in samples[::2]],
            "OS": EVENT[: N // 2],
            "OS.time": DAYS[: N // 2],
        }
    )
    write_obs(folder, table)
    right = expect(
        E.set_axis(samples),
        time=by_sample(np.repeat(DAYS[: N // 2], 2).astype(float), samples),
        n_groups=N // 2,
    )
    return {"cohort": "m.csv", "obs": "obs.tsv", "time": "OS.time", "event": "OS"}, right


@LAYOUTS
def a_title_with_a_unit_in_brackets(folder: Path):
    parameters = survival(
        folder,
        time="Follow-up [d]",
        event="Status (0=alive, 1=dead)",
        **{"Follow-up [d]": DAYS, "Status (0=alive, 1=dead)": EVENT},
    )
    return parameters, expect(time=TIME, event=by_sample(EVENT.astype(float), IDS))


@LAYOUTS
def a_column_of_the_censored(folder: Path):
    """1 means that nothing was seen: what a 1 is has to be asked."""
    return survival(folder, event="censored", censored=1 - EVENT), {"refuse": ["event_value"]}


@LAYOUTS
def a_column_of_the_living(folder: Path):
    return survival(folder, event="Alive", Alive=words("no", "yes")), {"refuse": ["event_value"]}


@LAYOUTS
def a_column_of_the_living_with_event_value(folder: Path):
    return survival(
        folder, event="Alive", Alive=words("no", "yes"), parameters={"event_value": "no"}
    ), expect(event=SEEN, time=TIME)


@LAYOUTS
def numbers_that_contradict_their_words(folder: Path):
    return survival(folder, event="S", S=words("0:DECEASED", "1:LIVING")), {
        "refuse": ["event_value"]
    }


@LAYOUTS
def progression_with_a_number(folder: Path):
    return survival(
        folder, event="PFS_STATUS", PFS_STATUS=words("1:PROGRESSION", "0:CENSORED")
    ), expect(event=SEEN)
