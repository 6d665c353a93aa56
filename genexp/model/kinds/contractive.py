"""Latents that change little when expression does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from genexp.model.kind import Batch, Kind, Pass, measure_reconstruction
from genexp.section import Section

if TYPE_CHECKING:
    from torch import Tensor


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
        penalty = self.config.contraction * square_jacobian(network, batch.x) * network.unit**2 / z.shape[1]
        return Pass(z, x_hat, {"reconstruction": measure_reconstruction(x_hat, batch), "contraction": penalty})


def square_jacobian(network: Any, x: Tensor) -> Tensor:
    """Squared Frobenius norm (n,) of the encoder's Jacobian at each row of x (n, n_inputs).

    With W the first layer's weights, B (n_latent, n_hidden) the Jacobian of what follows it at a row, and L the linear path, the norm
    of B W + L is that of ``B (W W') B' + 2 B (W L') + L L'``: nothing of the size of the inputs is made by row.
    """
    maps, last = network.hidden_maps(), network.encoder[-1].weight
    path = network.encoder_shortcut.weight if network.encoder_shortcut is not None else 0 * x[:1]
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
