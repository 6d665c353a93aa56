"""Latents that change little when expression does."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from genexp.model.model_type import Minibatch, Pass
from genexp.model.types.deep import Deep
from genexp.settings.section import Section

if TYPE_CHECKING:
    from torch import Tensor

    from genexp.model.autoencoder import Autoencoder


N_PROBES = 4
"""Directions of the latent space in which a training step takes the norm; validation takes all."""


class ContractiveParameters(Section):
    """Parameters of the contractive autoencoder."""

    contraction: float = Field(
        0.1, ge=0, description="contractive: weight of the squared Jacobian norm of the encoder"
    )


class Contractive(Deep):
    """A penalty on the squared Frobenius norm of the encoder's Jacobian J = dz/dx (Rifai et al.,
    ICML 2011).

    ``loss = |x - x_hat|^2 / n_genes + w u^2 |J|_F^2 / n_latent`` with weight w. The norm is taken
    per latent and in units u of PCA's own encoder, whose norm is 1, so that one weight suits
    cohorts of any scale. It is exact for any depth: layer by layer the Jacobian is a product of
    weights and of the 0/1 slopes of rectified units at each row, with batch norm as the affine map
    of its running statistics. Row-space directions are orthonormal, so the norm equals that in
    genes.
    """

    Parameters: ClassVar[type[Section]] = ContractiveParameters

    def run(self, network: Autoencoder, minibatch: Minibatch) -> Pass:
        """Add the penalty on the Jacobian to the deep autoencoder's loss."""
        z = network.encode(minibatch.x)
        x_hat = network.decode(z)
        # Probes are drawn after the pass, whose dropout draws first; validation is exact and draws
        # nothing.
        probes = draw_probes(N_PROBES, z) if network.training and z.shape[1] > N_PROBES else None
        penalty = (
            self.config.contraction
            * square_jacobian(network, minibatch.x, probes)
            * network.unit**2
            / z.shape[1]
        )
        return Pass(
            z,
            x_hat,
            {
                "reconstruction": self.measure_reconstruction(network, x_hat, minibatch),
                "contraction": penalty,
            },
        )


def draw_probes(n_probes: int, z: Tensor) -> Tensor:
    """Draw random signs v (n_probes, n_latent), scaled so that the expectation of the sum of v v'
    over probes is the identity.
    """
    import torch

    signs = torch.randint(0, 2, (n_probes, z.shape[1]), device=z.device, dtype=z.dtype)
    return (2 * signs - 1) / n_probes**0.5


def square_jacobian(network: Autoencoder, x: Tensor, probes: Tensor | None = None) -> Tensor:
    """Squared Frobenius norm (n,) of the encoder's Jacobian J at each row of x (n, n_inputs), or of
    probes (n_probes, n_latent) times J.

    With W the first layer's weights, B (n_latent, n_hidden) the Jacobian of what follows it at a
    row, and L the linear skip connection, ``|B W + L|^2 = tr(B (W W') B' + 2 B (W L') + L L')``: no
    array of n_inputs values is made for each row. Probes of random signs give an unbiased estimate
    (Hutchinson, Communications in Statistics 1989) in a fraction of the time.
    """
    maps, last = network.hidden_maps(), network.last_encoder_weight()
    skip = (
        network.encoder_shortcut.weight
        if network.encoder_shortcut is not None
        else last.new_zeros(len(last), x.shape[1])
    )
    if probes is not None:
        last, skip = probes @ last, probes @ skip
    if not maps:
        return (last + skip).square().sum().expand(len(x))
    slopes, y = [], x
    for weight, bias, gain, shift in maps:
        y = gain * (y @ weight.T + bias) + shift
        slopes.append((y > 0) * gain)
        y = y.relu()
    after = last * slopes[-1][:, None, :]
    for (weight, *_), slope in zip(reversed(maps[1:]), reversed(slopes[:-1]), strict=True):
        after = (after @ weight) * slope[:, None, :]
    first = maps[0][0]
    squared = ((after @ (first @ first.T)) * after).sum((1, 2))
    return squared + 2 * (after * (skip @ first.T)).sum((1, 2)) + skip.square().sum()
