"""Latents with planted terms, for tests of their prediction."""

import numpy as np
import pandas as pd

from genexp.evaluation.latents import PartLatents
from tests.planted_latents import make_latents, make_obs

NAMES = ["planted", "noise", "rare"]


def plant_terms(part: str, n: int, seed: int) -> tuple[PartLatents, pd.DataFrame]:
    """Latents in groups of four samples: the first one carries the term ``planted``; ``noise``
    follows nothing, ``rare`` holds for two.
    """
    rng = np.random.default_rng(seed)
    own = make_latents(
        part,
        make_obs(part, n, group=[f"{part}-series{i // 4}" for i in range(n)]),
        rng.normal(size=(n, 3)),
    )
    z = own.z["encoder"]
    has = np.column_stack(
        [z[:, 0] + 0.3 * rng.normal(size=n) > 0.8, rng.random(n) < 0.3, np.arange(n) < 2]
    )
    return make_latents(part, own.obs, {"encoder": z, "pca": z[:, 1:]}), pd.DataFrame(
        has, index=own.obs.index, columns=NAMES
    )
