"""Results of the Python API: data, models, studies, reports and comparisons, each shown in one
line, and in a notebook as HTML.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from genexp.errors import name_some
from genexp.settings.cohort import CohortConfig
from genexp.settings.naming import name_model
from genexp.settings.parse import parse_settings
from genexp.settings.signature import takes
from genexp.settings.tracking import RegistryConfig
from genexp.settings.training import EncoderConfig
from genexp.settings.verbs import PreprocessSettings, TrainSettings, TuneSettings
from genexp.tracker import Tracker

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from anndata import AnnData

    from genexp.model.encoder import Encoder
    from genexp.preprocessing import Preprocessed
    from genexp.training.seeds import Replicates
    from genexp.tuning.study import Study as FinishedStudy
    from genexp.verdict.evaluation import Evaluation

OF_SAMPLES = ("layer", "rows", "scale", "metadata", "date_genes", "missing", "batch")
"""Parameters of reading for samples that are to be encoded."""
FRAME_HEIGHT = 900
"""Pixels of a report in a notebook."""


@dataclass(frozen=True, repr=False)
class Data:
    """A split and scaled cohort, as :func:`genexp.preprocess` gives it. Test samples are accessed
    by :func:`genexp.evaluate` alone.

    Parameters
    ----------
    preprocessed : Preprocessed
        Where the values are.
    settings : PreprocessSettings
        As the command line would have them.
    cohort_hash : str
        Hash of the cohort's values.
    cohort_seed : int
        Seed of the cohort, where it is simulated.
    reused : bool
        Whether the cache held it.
    """

    preprocessed: Preprocessed
    settings: PreprocessSettings
    cohort_hash: str
    cohort_seed: int
    reused: bool

    @property
    def name(self) -> str:
        """Name of the cohort."""
        return self.preprocessed.name

    @property
    def split(self) -> pd.DataFrame:
        """Part and group of every sample; index sample id."""
        return self.preprocessed.split

    @property
    def var(self) -> pd.DataFrame:
        """Kept genes; index gene name."""
        return self.preprocessed.var

    @property
    def report(self) -> Mapping[str, Any]:
        """Counts, policies and warnings."""
        return self.preprocessed.report

    def matrix(self, part: Literal["train", "val"]) -> np.ndarray:
        """Scaled values (n_samples, n_genes) of float32."""
        return self.preprocessed.matrix(part)

    def obs(self, part: Literal["train", "val"]) -> pd.DataFrame:
        """Annotations (n_samples, ...); index sample id."""
        return self.preprocessed.obs(part)

    def log(self, tracker: Tracker) -> None:
        """Log how the cohort was read and preprocessed, as the command line does at the start of a
        run.
        """
        from genexp.preprocessing.pipeline import log_preprocessed, log_reading

        log_reading(self.report["cohort"], tracker)
        log_preprocessed(
            self.preprocessed, tracker, source=self.settings.reading.cohort, reused=self.reused
        )

    def _facts(self) -> dict[str, object]:
        parts = {part: self.report["parts"][part]["samples"] for part in ("train", "val", "test")}
        return {
            "cohort": self.name,
            **parts,
            "genes": len(self.var),
            "scale": self.preprocessed.scale,
        }

    def __repr__(self) -> str:
        return show_line("Data", self._facts())

    def _repr_html_(self) -> str:
        filtered = {
            "filtered genes": sum(self.report["genes"]["lost"].values()),
            "filtered samples": self.report["samples"]["lost"],
        }
        return show_table("Data", self._facts() | filtered)


@dataclass(repr=False)
class Model:
    """A trained encoder with the data that it was trained on, as :func:`genexp.train` gives it.

    Parameters
    ----------
    encoder : Encoder
        What is shipped.
    data : Data
    config : EncoderConfig
        Model type, shape and training.
    replicates : Replicates
        The trainings, one a seed.
    settings : TrainSettings or TuneSettings
        As the command line would have them.
    run_id : str
        MLflow run that it was logged to; empty where there is none.
    evaluation : Evaluation or None
        The latest on its own data, whose verdict is registered with it.
    """

    encoder: Encoder
    data: Data
    config: EncoderConfig
    replicates: Replicates
    settings: TrainSettings | TuneSettings
    run_id: str = ""
    evaluation: Evaluation | None = field(default=None)

    @property
    def metrics(self) -> dict[str, float]:
        """Losses and R2 on validation samples, with PCA's."""
        return dict(self.replicates.chosen.metrics)

    @property
    def history(self) -> pd.DataFrame:
        """Losses by epoch; epoch 0 is the untrained network."""
        return self.replicates.chosen.fitted.history

    @takes(CohortConfig, only=OF_SAMPLES)
    def transform(self, samples: AnnData | pd.DataFrame, **settings: Any) -> pd.DataFrame:
        """Compute the latents of samples, which are checked as a file would be.

        Parameters
        ----------
        samples : AnnData or DataFrame, (n_samples, n_genes)
            Raw expression on the encoder's scale; genes in any order, found by their names.
        settings

        Returns
        -------
        DataFrame of float32, (n_samples, n_latent)
            In the order of the samples.

        Examples
        --------
        >>> import genexp
        >>> cohort = genexp.simulate(60, 80)
        >>> model = genexp.train(genexp.preprocess(cohort), n_latent=4, hidden=(16,), epochs=3)
        >>> model.transform(cohort).shape
        (60, 4)
        """
        from genexp.application import encode_samples

        return encode_samples(self.encoder, samples, settings)

    def register(self, name: str = "", alias: str = "champion") -> str:
        """Register the encoder as a new version of a name, and give the version the alias if it is
        better on validation samples.

        Without a run, one is made to hold it. The verdict of :func:`genexp.evaluate` goes with it.

        Parameters
        ----------
        name : str
            Of the registered model; empty: of the cohort.
        alias : str

        Returns
        -------
        str
            ``NAME/VERSION``, which :func:`genexp.load_encoder` takes.

        Examples
        --------
        >>> import genexp
        >>> data = genexp.preprocess(genexp.simulate(60, 80))
        >>> model = genexp.train(data, n_latent=4, hidden=(16,), epochs=3)
        >>> model.register("small")
        'small/1'
        >>> genexp.load_encoder("small@champion").n_latent
        4
        """
        from genexp.pipeline import register_model

        config = parse_settings(
            RegistryConfig, {"name": name or name_model(self.data.name), "alias": alias}
        )
        with self._open_run(f"register {config.name}") as tracker:
            registration = register_model(
                config,
                self.data.preprocessed,
                self.encoder,
                self.replicates.loss_val,
                tracker,
                self.evaluation,
            )
        return f"{registration.name}/{registration.version}"

    def save(self, folder: str | Path) -> None:
        """Write the encoder into a folder, as text and tensors; :func:`genexp.load_encoder` reads
        it.

        Examples
        --------
        >>> import genexp
        >>> model = genexp.train(genexp.preprocess(genexp.simulate(60, 80)), n_latent=4, hidden=(16,), epochs=3)
        >>> model.save("encoder")
        >>> genexp.load_encoder("encoder")
        <Encoder: cohort=simulated, kind=deep, genes=78, latents=4, scale=log2_norm_count>
        """  # noqa: E501
        self.encoder.save(Path(folder))

    @contextmanager
    def _open_run(self, name: str) -> Iterator[Any]:
        """Open the run of the model, or make one that holds what the command line's would."""
        from genexp.tracking.runs import continue_run, start_run

        if self.run_id:
            with continue_run(self.run_id) as tracker:
                yield tracker
            return
        with start_run(
            "train", self.settings.model_copy(update={"run_name": name}), inside_active=True
        ) as tracker:
            self.data.log(tracker)
            tracker.log_metrics(self.metrics)
            tracker.log_table("training/history.tsv", self.history)
            yield tracker
        self.run_id = tracker.run_id

    def _facts(self) -> dict[str, object]:
        chosen = {
            name: round(self.metrics[name], 4)
            for name in ("r2/val_gain", "loss/val_best")
            if name in self.metrics
        }
        return self.encoder.facts | chosen | ({"run": self.run_id[:8]} if self.run_id else {})

    def __repr__(self) -> str:
        return show_line("Model", self._facts())

    def _repr_html_(self) -> str:
        return show_table("Model", self._facts())


@dataclass(frozen=True, repr=False)
class Study:
    """A finished search, as :func:`genexp.tune` gives it.

    Parameters
    ----------
    best : Model
        Trained with the selected configuration.
    finished : genexp.tuning.study.Study
    """

    best: Model
    finished: FinishedStudy

    @property
    def name(self) -> str:
        """Name of the study; one of the same name in the same cache is resumed."""
        return self.finished.name

    @cached_property
    def trials(self) -> pd.DataFrame:
        """One row a trial: configuration, losses, seconds, and which was selected."""
        return self.finished.table()

    @property
    def reason(self) -> str:
        """Reason for the selection of the trial."""
        return self.finished.reason

    def _facts(self) -> dict[str, object]:
        counts = {str(state): int(n) for state, n in self.trials["state"].value_counts().items()}
        return {
            "name": self.name,
            "trials": len(self.trials),
            **counts,
            "selected": self.finished.selected.result.number,
        }

    def __repr__(self) -> str:
        return show_line("Study", self._facts())

    def _repr_html_(self) -> str:
        return f"{show_table('Study', self._facts() | {'reason': self.reason})}{self.trials.to_html(max_rows=50)}"  # noqa: E501


@dataclass(frozen=True, repr=False)
class Report:
    """An evaluation on held-out test samples, as :func:`genexp.evaluate` gives it. A notebook shows
    its page.

    Parameters
    ----------
    evaluation : Evaluation
    data : Data
    run_id : str
        MLflow run that it was logged to; empty where there is none.
    """

    evaluation: Evaluation
    data: Data
    run_id: str = ""

    @property
    def metrics(self) -> dict[str, float]:
        """Metrics by name, those of baselines with their suffix: ``r2/test``, ``r2/test_pca``."""
        return dict(self.evaluation.metrics)

    @property
    def verdict(self) -> str:
        """Comparison with PCA in one line."""
        return self.evaluation.verdict

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables by name."""
        return dict(self.evaluation.tables)

    @cached_property
    def html(self) -> str:
        """The page, which needs no network."""
        from genexp.report.page import render_report

        return render_report(self.evaluation)

    def save(self, path: str | Path) -> None:
        """Write the page.

        Examples
        --------
        >>> report.save("report.html")
        """
        from genexp.output import write_whole

        write_whole(Path(path), lambda temporary: temporary.write_text(self.html, encoding="utf-8"))

    def __repr__(self) -> str:
        return show_line("Report", {"cohort": self.data.name, "verdict": self.verdict})

    def _repr_html_(self) -> str:
        return show_page(self.html)


@dataclass(frozen=True, repr=False)
class Comparison:
    """Evaluations side by side, as :func:`genexp.compare` gives them.

    Parameters
    ----------
    encoders : DataFrame
        One row an encoder: facts and scores with intervals.
    differences : DataFrame
        Paired differences from the first one on shared test samples.
    notes : tuple of str
        Sentences on what cannot be compared.
    html : str
        The page.
    """

    encoders: pd.DataFrame
    differences: pd.DataFrame
    notes: tuple[str, ...]
    html: str

    def __repr__(self) -> str:
        return show_line(
            "Comparison",
            {"encoders": name_some(self.encoders.index), "differences": len(self.differences)},
        )

    def _repr_html_(self) -> str:
        return show_page(self.html, FRAME_HEIGHT // 2)


def show_line(kind: str, facts: Mapping[str, object]) -> str:
    """One line of facts."""
    return f"<{kind}: {', '.join(f'{name}={value}' for name, value in facts.items())}>"


def show_table(kind: str, facts: Mapping[str, object]) -> str:
    """Facts as a table of HTML."""
    rows = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(str(value))}</td></tr>"
        for name, value in facts.items()
    )
    return f"<table><caption>{html.escape(kind)}</caption>{rows}</table>"


def show_page(page: str, height: int = FRAME_HEIGHT) -> str:
    """A page inside a notebook; its styles and scripts stay its own."""
    return (
        f'<iframe srcdoc="{html.escape(page)}" width="100%" height="{height}" style="border: 0" '
        'sandbox="allow-scripts"></iframe>'
    )
