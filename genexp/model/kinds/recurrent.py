"""A classifier that remembers the earlier samples of a subject."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from genexp.errors import TrainingError
from genexp.model.kind import PLACE, SUBJECT
from genexp.model.kinds.classifier import Classifier
from genexp.settings.section import Section

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from genexp.preprocessing import Preprocessed


class RecurrentParameters(Section):
    """What the recurrent kind has of its own."""

    n_state: int = Field(16, ge=1, le=4096, description="recurrent: units of the memory through which heads read a subject's samples")


class Recurrent(Classifier):
    """Heads read the sequence of a subject's latents up to each sample, through a gated recurrent unit (Cho et al., EMNLP 2014).

    Latents are those of each sample alone, so the encoder is one like any other; what a sample is predicted to be depends on it and on the
    earlier samples of its subject. Subjects are the groups of the split, and stay whole in a step.
    """

    Parameters: ClassVar[type[Section]] = RecurrentParameters
    together = SUBJECT

    @property
    def n_state(self) -> int:
        """As configured."""
        return int(self.config.n_state)

    def check(self, data: Preprocessed) -> None:
        """Refuse samples without an order, or subjects of one sample each."""
        super().check(data)
        obs = data.obs("train")
        if "order" not in obs:
            raise TrainingError(
                "kind=recurrent: the order of a subject's samples was expected among the annotations, found none; name its column with "
                "order= (a number, a date) and that of the subjects with group="
            )
        n_subjects = obs["group"].nunique()
        if n_subjects == len(obs):
            raise TrainingError(
                f"kind=recurrent: subjects with several samples were expected, found {n_subjects} with one each among train samples; name "
                "the column of the subjects with group=, or take kind=classifier"
            )

    def read(self, obs: pd.DataFrame) -> dict[str, np.ndarray]:
        """Number of each sample's subject, and of the sample among those of its subject (int64, from 0)."""
        import numpy as np
        import pandas as pd

        subject = pd.factorize(obs["group"].astype(str), sort=True)[0].astype(np.int64)
        place = obs.groupby("group", observed=True)["order"].rank(method="first").to_numpy() - 1
        return {SUBJECT: subject, PLACE: place.astype(np.int64)}
