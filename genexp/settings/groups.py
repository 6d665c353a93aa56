"""Groups of parameters, as help shows them: one for each section, and one for the numbers of each
model type.
"""

from __future__ import annotations

from dataclasses import dataclass

from genexp.model.types import MODEL_TYPES
from genexp.settings.cohort import CohortConfig, SourceConfig
from genexp.settings.contrasts import ContrastConfig
from genexp.settings.evaluation import EvaluationConfig
from genexp.settings.experiment import ExperimentConfig
from genexp.settings.model import KIND_PARAMETERS, NetworkConfig
from genexp.settings.preprocessing import PreprocessConfig
from genexp.settings.search import KIND_SPACES, ShapeSpace, TuningConfig
from genexp.settings.section import Section
from genexp.settings.tracking import EncoderChoice, RegistryConfig, RunConfig
from genexp.settings.training import ReplicationConfig, TrainingConfig, TransferConfig
from genexp.settings.values import held_sections, parameter_fields

TITLES: dict[type[Section], str] = {
    SourceConfig: "cohort",
    CohortConfig: "cohort",
    PreprocessConfig: "preprocessing",
    RunConfig: "run",
    NetworkConfig: "model",
    ShapeSpace: "model",
    TrainingConfig: "training",
    TransferConfig: "transfer",
    ReplicationConfig: "seeds",
    TuningConfig: "search",
    EvaluationConfig: "evaluation",
    RegistryConfig: "registry",
    EncoderChoice: "registry",
    ExperimentConfig: "experiment",
    ContrastConfig: "contrasts",
}
"""Title of the group of a section; sections of one title are one group."""
OWN = "parameters"
"""Title of the parameters that a verb has beside its sections."""


@dataclass(frozen=True)
class Group:
    """Parameters that help shows together."""

    title: str
    names: tuple[str, ...]


def list_groups(kind: type[Section]) -> list[Group]:
    """Parameters of some settings by group, in the order in which they act."""
    titles = TITLES | _title_model_types()
    by_title: dict[str, list[str]] = {}

    def visit(section: type[Section]) -> None:
        for base in section.__bases__:
            if issubclass(base, Section):
                visit(base)
        sections = held_sections(section)
        for held in sections.values():
            visit(held)
        seen = {name for names in by_title.values() for name in names}
        own = [name for name in parameter_fields(section) if name not in seen]
        if own:
            by_title.setdefault(titles.get(section, OWN), []).extend(own)

    visit(kind)
    return [Group(title, tuple(names)) for title, names in by_title.items()]


def _title_model_types() -> dict[type[Section], str]:
    """Title of each section of numbers that one model type has of its own, and its subclasses with
    it.
    """
    titles: dict[type[Section], str] = {}
    for section in KIND_PARAMETERS:
        names = [
            name
            for name, kind in MODEL_TYPES.items()
            if any(vars(base).get("Parameters") is section for base in kind.__mro__)
        ]
        titles[section] = titles[KIND_SPACES[section]] = f"model, kind={' or '.join(names)}"
    return titles
