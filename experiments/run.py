"""Resources of an experiment: its parameters, a run of MLflow, processes, and a folder for its
results.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import io
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from tqdm import tqdm

import genexp
from experiments.keeping import keep_picture, put_tables
from genexp.cores import count_cores
from genexp.errors import ConfigError
from genexp.evaluation.baselines import Representation
from genexp.evaluation.latents import ENCODER
from genexp.model.encoder import Encoder
from genexp.preprocessing import Preprocessed, preprocess_cohort
from genexp.settings.experiment import ExperimentConfig
from genexp.settings.parse import parse_settings
from genexp.settings.tracking import RunConfig
from genexp.settings.training import EncoderConfig
from genexp.settings.values import hash_values, parameter_names, section_values
from genexp.settings.verbs import MainSettings, PreprocessSettings
from genexp.tracker import NullTracker
from genexp.tracking.registry import download_artifact
from genexp.training.train import StartFrom, Trained, train_encoder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from genexp.tracking.tracker import MlflowTracker

HERE = Path(__file__).parent
DATA = Path(os.environ.get("GENEXP_DATA", HERE.parents[1] / "shared" / "data"))
"""Folder of the real cohorts."""
CODE = (
    "names",
    "files",
    "formats",
    "query",
    "cohort",
    "preprocessing",
    "model",
    "training",
    "evaluation",
    "survival",
    "explain",
    "verdict",
)
"""Packages whose code decides the results of a job."""

Job = Mapping[str, Any]
"""Arguments of a job: what JSON can write."""
Tables = dict[str, pd.DataFrame]
"""Tables of a job by name. ``scores`` (one row per representation) and ``history`` (one row per
epoch) are logged as metrics."""


def list_experiments() -> list[str]:
    """Names of the experiments: folders with a ``run.py`` that can be asked for by name."""
    return sorted(path.parent.name for path in HERE.glob("*/run.py"))


def run_experiment(settings: MainSettings, tracker: MlflowTracker) -> None:
    """Run the experiment that the settings name.

    Raises
    ------
    ConfigError
        There is none of this name.
    """
    if settings.reproduction.experiment not in list_experiments():
        raise ConfigError(
            f"experiment={settings.reproduction.experiment}: expected one of "
            f"{', '.join(list_experiments())}"
        )
    tracker.set_tags(
        {"experiment": settings.reproduction.experiment, "size": settings.reproduction.size}
    )
    run = ExperimentRun(settings, tracker)
    importlib.import_module(f"experiments.{settings.reproduction.experiment}.run").run(run)
    run.describe_kept()


def find_data(name: str) -> str:
    """Path of a real cohort.

    Raises
    ------
    ConfigError
        It is not there.
    """
    if not (DATA / name).exists():
        raise ConfigError(
            f"this experiment needs {name} in the folder of real cohorts, found none in "
            f"{DATA}; set GENEXP_DATA to that folder"
        )
    return str(DATA / name)


def train(
    data: Preprocessed, seed: int, cache: str, start_from: StartFrom | None = None, **values: Any
) -> Trained:
    """Train one configuration with one seed, for a job: no run, one thread unless the values say
    otherwise.
    """
    config = parse_settings(EncoderConfig, {"threads": 1, **values})
    return train_encoder(
        data,
        config,
        RunConfig(cache=cache, seed=seed),
        0.2,
        NullTracker(),
        seed=seed,
        start_from=start_from,
    )


def represent(encoder: Encoder, name: str = ENCODER) -> Representation:
    """An encoder as what :func:`genexp.verdict.downstream.score_test` takes."""
    return Representation(name, encoder.encoder, lambda z: encoder.decoder(z.astype(np.float32)))


def fetch(run_id: str, path: str) -> bytes:
    """Bytes of an artifact."""
    with tempfile.TemporaryDirectory() as folder:
        return download_artifact(run_id, path, Path(folder)).read_bytes()


@dataclass(frozen=True)
class ExperimentRun:
    """One run of an experiment.

    Parameters
    ----------
    settings : MainSettings
        As the user gave them.
    tracker : MlflowTracker
        The run of the whole experiment.
    """

    settings: MainSettings
    tracker: MlflowTracker

    @property
    def small(self) -> bool:
        """True if the experiment only shows that it works."""
        return self.settings.reproduction.size == "small"

    @property
    def given(self) -> dict[str, str]:
        """Parameters that the user gave, as typed; they precede those of the experiment."""
        defaults, values = section_values(MainSettings()), section_values(self.settings)
        own = set(section_values(ExperimentConfig())) | set(section_values(RunConfig()))
        return {
            name: value
            for name, value in values.items()
            if value != defaults[name] and name not in own
        }

    @property
    def cache(self) -> Path:
        """Folder of cohorts and finished jobs."""
        return Path(self.settings.run.cache).absolute()

    def settle(self, **values: Any) -> dict[str, Any]:
        """The experiment's parameters, those of the user before them."""
        return {**values, **self.given}

    def preprocess(self, **values: Any) -> Preprocessed:
        """Preprocess a cohort, or find it in the cache; parameters as :class:`PreprocessSettings`
        has them (``seed`` draws the split).
        """
        known = parameter_names(PreprocessSettings)
        settled = {name: value for name, value in self.settle(**values).items() if name in known}
        return preprocess_cohort(
            parse_settings(PreprocessSettings, settled | {"cache": str(self.cache)}), NullTracker()
        )

    def encoder_values(self, **values: Any) -> dict[str, Any]:
        """The experiment's parameters of training, those of the user before them, for jobs that
        call :func:`train`.
        """
        return {
            name: value
            for name, value in self.settle(**values).items()
            if name in EncoderConfig.model_fields
        }

    def run_main(self, name: str, **values: Any) -> str:
        """The whole way with one configuration in a nested run, with report and registered encoder:
        ``python -m genexp main``.

        Returns
        -------
        str
            Id of the nested run.
        """
        from genexp.pipeline import run_main

        own = {
            "cache": str(self.cache),
            "experiment_name": self.settings.run.experiment_name,
            "name": self.settings.registry.name or name,
        }
        settings = parse_settings(
            MainSettings, {"seed": self.settings.run.seed, **self.settle(**values), **own}
        )
        with self.tracker.child(name) as child:
            child.log_params(section_values(settings))
            run_main(settings, child)
            return child.run_id

    def run_jobs(
        self, function: Callable[[Job], Tables], jobs: Mapping[str, Job], workers: int | None = None
    ) -> dict[str, Tables]:
        """Run independent jobs, each in a process on one core, each a nested run; finished ones are
        found in the cache.

        Parameters
        ----------
        function : callable
            Of a module; gets a job.
        jobs : mapping
            By name. A job is found again while its arguments, the file of ``function`` and genexp's
            own code are what they were.
        workers : int, optional
            Processes; one a core. With 1 jobs run here, one after the other, on all cores.
        """
        found = {
            name: tables
            for name, job in jobs.items()
            if (tables := _load(self._place(function, job))) is not None
        }
        left = {name: job for name, job in jobs.items() if name not in found}
        bar = tqdm(
            total=len(jobs),
            initial=len(found),
            desc=function.__name__.replace("_", " "),
            unit="job",
            disable=None,
        )
        with bar:
            for name, tables in _compute(
                function, left, min(workers or count_cores(), max(len(left), 1))
            ):
                found[name] = tables
                _save(tables, self._place(function, left[name]))
                bar.set_postfix_str(name)
                bar.update()
        for name, job in jobs.items():
            self._log_job(name, job, found[name])
        return {name: found[name] for name in jobs}

    def _place(self, function: Callable[[Job], Tables], job: Job) -> Path:
        source = Path(inspect.getsourcefile(function) or "").read_text(encoding="utf-8")
        key = hash_values([function.__qualname__, source, _hash_code(), dict(job)])
        return self.cache / "experiments" / self.settings.reproduction.experiment / key

    def _log_job(self, name: str, job: Job, tables: Tables) -> None:
        with self.tracker.child(name) as child:
            child.log_params(
                {
                    key: value
                    for key, value in job.items()
                    if isinstance(value, str | int | float | bool)
                }
            )
            for epoch, row in tables.get("history", pd.DataFrame()).iterrows():
                child.log_metrics(row.dropna().to_dict(), step=int(epoch))
            for representation, row in (
                tables.get("scores", pd.DataFrame()).select_dtypes("number").iterrows()
            ):
                # what MLflow takes in a name
                suffix = re.sub(r"[^\w.-]", "_", f"_{representation}")
                child.log_metrics(
                    {f"scores/{key}{suffix}": value for key, value in row.dropna().items()}
                )
            for key, table in tables.items():
                child.log_table(f"{key}.tsv", table)

    def keep_table(self, name: str, table: pd.DataFrame) -> None:
        """Store a table in the run, and beside the README where results are kept."""
        self.tracker.log_table(f"experiment/{name}.tsv", table)
        if self._kept is not None:
            table.to_csv(self._kept / f"{name}.tsv", sep="\t", float_format="%.6g")

    def keep_figure(self, name: str, figure: Figure) -> None:
        """Store a picture in the run, and beside the README where results are kept."""
        held = io.BytesIO()
        figure.savefig(held, format="png", dpi=130, bbox_inches="tight")
        self.tracker.log_figure(f"figures/{name}.png", figure)
        self.keep_png(name, held.getvalue())

    def keep_png(self, name: str, png: bytes) -> None:
        """Write a picture that a run has already beside the README where results are kept."""
        if self._kept is not None:
            keep_picture(png, self._kept / f"{name}.png")

    def keep_figures_of(self, run_id: str, names: Sequence[str], prefix: str) -> None:
        """Write the pictures of a nested run, those of ``names`` that it has, as
        ``PREFIX_NAME.png``.
        """
        has = {
            Path(entry.path).stem for entry in self.tracker.client.list_artifacts(run_id, "figures")
        }
        for name in names:
            if name in has:
                self.keep_png(f"{prefix}_{name}", fetch(run_id, f"figures/{name}.png"))

    def keep_lines(self, tables: Mapping[str, Sequence[str]]) -> None:
        """Put lines (Markdown) between their marks in the README of the folder where results are
        kept; the run has them as text.
        """
        for name, lines in tables.items():
            self.tracker.log_text(f"experiment/{name}.md", "\n".join(lines) + "\n")
        if self._kept is not None:
            put_tables(self._kept / "README.md", tables)

    def say(self, text: str) -> None:
        """Tell the user what came out, and the description of the run."""
        print(text, file=sys.stderr)
        with self._notes.open("a", encoding="utf-8") as file:
            file.write(f"- {text}\n")

    @property
    def _notes(self) -> Path:
        folder = self.cache / "experiments" / self.settings.reproduction.experiment
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"notes-{self.tracker.run_id}.md"

    def describe_kept(self) -> None:
        """Set the notes as the description of the run."""
        if self._notes.exists():
            self.tracker.describe(self._notes.read_text(encoding="utf-8"))
            self._notes.unlink()

    @property
    def _kept(self) -> Path | None:
        if not self.settings.reproduction.keep:
            return None
        folder = Path(self.settings.reproduction.keep)
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _hash_code() -> str:
    folders, digest = [Path(genexp.__file__).parent / name for name in CODE], hashlib.sha256()
    assert all(folder.is_dir() for folder in folders)
    for path in sorted(path for folder in folders for path in folder.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _compute(
    function: Callable[[Job], Tables], jobs: Mapping[str, Job], workers: int
) -> Iterator[tuple[str, Tables]]:
    if workers == 1:
        yield from ((name, function(job)) for name, job in jobs.items())
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        names = {pool.submit(_run_alone, function, job): name for name, job in jobs.items()}
        try:
            for done in as_completed(names):
                yield names[done], done.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _run_alone(function: Callable[[Job], Tables], job: Job) -> Tables:
    """Run a job on one thread: there is one process for each core."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    with threadpool_limits(1):
        return function(job)


def _save(tables: Tables, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent))
    for name, table in tables.items():
        table.to_parquet(temporary / f"{name}.parquet")
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)


def _load(folder: Path) -> Tables | None:
    if not folder.is_dir():
        return None
    return {path.stem: pd.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}
