"""Latents that change little when expression does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from genexp.model.kind import Batch, Kind, Pass
from genexp.settings.section import Section

if TYPE_CHECKING:
    from torch import Tensor


N_PROBES = 4
"""Directions of the latent space in which a training step takes the norm; validation takes all."""


class ContractiveParameters(Section):
    """What the contractive kind has of its own."""

    contraction: float = Field(0.1, ge=0, description="contractive: weight of the squared Jacobian norm of the encoder")


class Contractive(Kind):
    """A penalty on the squared Frobenius norm of the encoder's Jacobian dz/dx (Rifai et al., ICML 2011).

    The norm is exact for any depth: layer by layer the Jacobian is a product of weights and of the gates that rectified units
    are for each row, with batch norm as the affine map of its running statistics. The span's directions are orthonormal,
    so the norm is that in genes. It is taken per latent and in units of PCA's own encoder, whose norm is 1.
    """

    Parameters: ClassVar[type[Section]] = ContractiveParameters

    def run(self, network: Any, batch: Batch) -> Pass:
        """As the deep kind, with the penalty."""
        z = network.encode(batch.x)
        x_hat = network.decode(z)
        probes = draw_probes(N_PROBES, z) if network.training and z.shape[1] > N_PROBES else None
        penalty = self.config.contraction * square_jacobian(network, batch.x, probes) * network.unit**2 / z.shape[1]
        return Pass(z, x_hat, {"reconstruction": self.measure(network, x_hat, batch), "contraction": penalty})


def draw_probes(n_probes: int, z: Tensor) -> Tensor:
    """Random signs (n_probes, n_latent), divided so that the mean of v v' summed over probes is the identity."""
    import torch

    signs = torch.randint(0, 2, (n_probes, z.shape[1]), device=z.device, dtype=z.dtype)
    return (2 * signs - 1) / n_probes**0.5


def square_jacobian(network: Any, x: Tensor, probes: Tensor | None = None) -> Tensor:
    """Squared Frobenius norm (n,) of the encoder's Jacobian J at each row of x (n, n_inputs), or of probes (n_probes, n_latent) times J.

    With W the first layer's weights, B (n_latent, n_hidden) the Jacobian of what follows it at a row, and L the linear path, the norm
    of B W + L is that of ``B (W W') B' + 2 B (W L') + L L'``: nothing of the size of the inputs is made by row. Probes of random signs give
    an estimate of it without bias (Hutchinson, Communications in Statistics 1989) in a fraction of the time.
    """
    maps, last = network.hidden_maps(), network.encoder[-1].weight
    path = network.encoder_shortcut.weight if network.encoder_shortcut is not None else last.new_zeros(len(last), x.shape[1])
    if probes is not None:
        last, path = probes @ last, probes @ path
    if not maps:
        return (last + path).square().sum().expand(len(x))
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
    return squared + 2 * (after * (path @ first.T)).sum((1, 2)) + path.square().sum()
