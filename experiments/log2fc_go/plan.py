"""Plan of the experiment: sizes, the recipe, and the sweeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

RECIPE = {
    "epochs": "50",
    "lr_patience": "5",
    "lr_factor": "0.5",
    "lr_min": "1e-05",
    "dropout": "0",
    "patience": "10",
}
"""Training as published: the learning rate halves where the loss has not fallen for five epochs,
down to 1e-5. (The published fall that counts, 0.1, would here also decide which epoch is kept, and
keep the first.)"""
ANCHORED, UNANCHORED = {"skip": "pca", "dropout": "0.2"}, {"skip": "none"}
"""genexp's encoder, which starts at PCA and the published network alone."""


@dataclass(frozen=True)
class Plan:
    """Sizes of a run.

    Parameters
    ----------
    whole, part : str
        Cohorts: the compendium of the published size, and the smaller one, with as many genes, of
        sweeps, search and comparison.
    hidden, n_latent : int
        Of the network that is measured on ``whole``.
    epochs : int
        Of its training.
    n_steps, repeats : int
        Steps that are timed in the row space and among genes, and how often.
    widths, depths : tuple of int
        Of the sweeps; ``first`` is the width of the first layer of the depths, of which each
        further one has half.
    seeds : int
        Trainings of every point, splits of every comparison, and studies of every search; widths
        above ``narrow`` have one.
    values : mapping
        Parameters of training that differ from the recipe's, for a small run.
    n_trials : int
        Of a study.
    perplexity : float
        Of t-SNE.
    """

    whole: str = "simulated_compendium:7130x48978"
    part: str = "simulated_compendium:1000x48978"
    hidden: int = 2000
    n_latent: int = 50
    epochs: int = 2
    n_steps: int = 4
    repeats: int = 2
    widths: tuple[int, ...] = (1, 2, 5, 10, 20, 50, 100, 200, 500)
    narrow: int = 100
    depths: tuple[int, ...] = tuple(range(1, 11))
    first: int = 256
    seeds: int = 3
    n_trials: int = 16
    perplexity: float = 50
    values: tuple[tuple[str, str], ...] = ()

    def train_values(self, **values: Any) -> dict[str, Any]:
        """Parameters of training: the recipe, what this configuration says, and last what a small
        run needs.
        """
        return {**RECIPE, **values, **dict(self.values)}


FULL = Plan()
SMALL = Plan(
    whole="simulated_compendium:160x400",
    part="simulated_compendium:160x300",
    hidden=40,
    n_latent=6,
    epochs=2,
    n_steps=1,
    repeats=1,
    widths=(2, 12),
    narrow=2,
    depths=(3,),
    first=16,
    seeds=1,
    n_trials=3,
    perplexity=8,
    values=(("epochs", "4"),),
)

SPACE = {
    "n_layers": "0..2",
    "n_hidden": "32..128",
    "n_latent": "4..128",
    "dropout": "0..0.5",
    "learning_rate": "0.0003..0.003",
}
"""Search space."""


def list_shapes(plan: Plan) -> dict[str, dict[str, Any]]:
    """Every network of the sweeps by name: one layer, the latents, of each width; and each depth,
    whose last layer is the latents.
    """
    shapes = {f"width {width}": {"hidden": "", "n_latent": width} for width in plan.widths}
    for depth in plan.depths:
        hidden = f"halving:{plan.first}x{depth - 1}" if depth > 1 else ""
        shapes[f"depth {depth}"] = {
            "hidden": hidden,
            "n_latent": max(plan.first // 2 ** (depth - 1), 1),
        }
    return shapes
