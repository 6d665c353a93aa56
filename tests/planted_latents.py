"""Latents with planted labels and survival, for tests of evaluation."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from genexp.evaluation.latents import PartLatents


def make_obs(part: str, n: int, **columns: object) -> pd.DataFrame:
    """Sample table of one part, each sample its own patient unless ``group`` is given."""
    index = pd.Index([f"{part}{i}" for i in range(n)], name="sample_id")
    return pd.DataFrame({"group": list(index)} | columns, index=index)


def make_latents(
    part: str, obs: pd.DataFrame, z: np.ndarray | Mapping[str, np.ndarray]
) -> PartLatents:
    """Latents of a part: one array stands for the encoder and for PCA."""
    return PartLatents(part, obs, z if isinstance(z, Mapping) else {"encoder": z, "pca": z})


def plant_classes(part: str, n: int, seed: int, distance: float = 6.0) -> PartLatents:
    """Three classes of unequal size around far centres in 4 dimensions; every 10th sample is
    unlabelled.
    """
    rng = np.random.default_rng(seed)
    code = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    z = rng.normal(size=(n, 4)) + distance * np.eye(3, 4)[code]
    label = pd.Categorical([None if i % 10 == 9 else "abc"[c] for i, c in enumerate(code)])
    return make_latents(part, make_obs(part, n, label=label), z)


def plant_hazard(
    part: str, n: int, seed: int, log_hazard_ratio: float = 0.8, n_latent: int = 3
) -> PartLatents:
    """Exponential survival that depends on the first latent only; a third or so is censored."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, n_latent))
    death = rng.exponential(1000 * np.exp(-log_hazard_ratio * z[:, 0]))
    censored = rng.uniform(200, 3000, n)
    time, event = np.ceil(np.minimum(death, censored)), (death <= censored).astype(float)
    return make_latents(part, make_obs(part, n, time_days=time, event=event), z)
