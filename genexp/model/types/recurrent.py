"""A classifier that remembers the earlier samples of a subject."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from genexp.errors import TrainingError
from genexp.model.target_names import POSITION, SUBJECT
from genexp.model.types.classifier import Classifier
from genexp.settings.section import Section

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from genexp.model.training_data import TrainingData


class RecurrentParameters(Section):
    """Parameters of the recurrent classifier."""

    n_state: int = Field(
        16,
        ge=1,
        le=4096,
        description="recurrent: units of the memory through which heads read a subject's samples",
    )


class Recurrent(Classifier):
    """Heads read the sequence of a subject's latents up to each sample, through a gated recurrent
    unit (Cho et al., EMNLP 2014).

    ``s_t = GRU(z_t, s_(t-1))``, and heads read s_t in place of z_t. Latents are those of each
    sample alone, so the encoder is like any other; the prediction for a sample depends on it and on
    the earlier samples of its subject. Subjects are the groups of the split, and each stays whole
    in a minibatch.
    """

    Parameters: ClassVar[type[Section]] = RecurrentParameters
    block = SUBJECT

    @property
    def n_state(self) -> int:
        """Units of the memory, as configured."""
        return int(self.config.n_state)

    def check(self, data: TrainingData) -> None:
        """Refuse samples without an order, or subjects of one sample each."""
        super().check(data)
        obs = data.obs("train")
        if "order" not in obs:
            raise TrainingError(
                "kind=recurrent: the order of a subject's samples was expected among the "
                "annotations, found none; name its column with "
                "order= (a number, a date) and that of the subjects with group="
            )
        n_subjects = obs["group"].nunique()
        if n_subjects == len(obs):
            raise TrainingError(
                "kind=recurrent: subjects with several samples were expected, found "
                f"{n_subjects} with one each among train samples; name "
                "the column of the subjects with group=, or take kind=classifier"
            )

    def read(self, obs: pd.DataFrame) -> dict[str, np.ndarray]:
        """Read the number of each sample's subject, and its index among those of the subject
        (int64, from 0).
        """
        import numpy as np
        import pandas as pd

        subject = pd.factorize(obs["group"].astype(str), sort=True)[0].astype(np.int64)
        position = obs.groupby("group", observed=True)["order"].rank(method="first").to_numpy() - 1
        return {SUBJECT: subject, POSITION: position.astype(np.int64)}
