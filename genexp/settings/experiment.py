"""Parameters of a published system that is reproduced."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from genexp.settings.section import Section


class ExperimentConfig(Section):
    """A published system to reproduce instead of one training."""

    experiment: str = Field(
        "",
        description=(
            "published system to reproduce: a folder of experiments/, whose parameters are the "
            "defaults; empty: none"
        ),
    )
    size: Literal["full", "small"] = Field(
        "full", description="size of an experiment; small: a check of one or two minutes"
    )
    keep: str = Field(
        "",
        description=(
            "folder to which an experiment also writes its tables and figures; empty: only to "
            "the run"
        ),
    )
