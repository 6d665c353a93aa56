"""eADAGE: nodes of several ADAGE networks in groups, each group one node (Tan et al., Cell Systems
2017).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from genexp.evaluation.baselines import Representation
from genexp.model.encoder import Encoder


def combine(encoders: Sequence[Encoder], n_nodes: int) -> Representation:
    """Mean weights of ``n_nodes`` groups of alike nodes.

    Nodes of tied sigmoid layers come in mirrored pairs, of weights w or -w, that rebuild the same;
    each is turned so that its heaviest weights are positive. Groups are those of average linkage on
    correlations of weights.

    Parameters
    ----------
    encoders : sequence of Encoder
        Of one layer of sigmoid nodes with tied weights, and sigmoid outputs.
    n_nodes : int
    """
    from sklearn.cluster import AgglomerativeClustering

    turned = [_turn(one) for one in encoders]
    weights, biases = (np.concatenate([one[i] for one in turned]) for i in (0, 1))
    output = np.mean([one[2] for one in turned], axis=0)
    distances = 1 - np.corrcoef(weights)
    groups = AgglomerativeClustering(n_nodes, metric="precomputed", linkage="average").fit_predict(
        distances
    )
    member = np.eye(n_nodes)[groups] / np.bincount(groups, minlength=n_nodes)
    W, b = member.T @ weights, member.T @ biases
    return Representation(
        "eADAGE", lambda x: _sigmoid(x @ W.T + b), lambda z: _sigmoid(z @ W + output)
    )


def _turn(encoder: Encoder) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights (n_nodes, n_genes), biases of nodes and of genes: h becomes 1 - h where a node is
    turned, and w h is w - w (1 - h).
    """
    first, last = encoder.encoder.layers[0], encoder.decoder.layers[0]
    weight = first.weight.astype(np.float64)  # type: ignore[attr-defined]
    sign = np.where((weight**3).sum(axis=1) < 0, -1.0, 1.0)
    return weight * sign[:, None], first.bias * sign, last.bias + weight[sign < 0].sum(axis=0)


def _sigmoid(y: np.ndarray) -> np.ndarray:
    return 0.5 + 0.5 * np.tanh(0.5 * y)
