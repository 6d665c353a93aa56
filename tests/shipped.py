"""The shipped form of a training on genes, read back from its files."""

from pathlib import Path

import numpy as np
import torch

from genexp.model.encoder import Encoder
from genexp.preprocessing import Preprocessed
from genexp.training.basis import Basis
from genexp.training.loop import Fitted
from genexp.training.train import build_encoder


def check_shipped(
    fitted: Fitted, basis: Basis, data: Preprocessed, folder: Path
) -> tuple[Encoder, np.ndarray]:
    """Save and load the encoder, and hold it to the trained network on validation rows; gives it
    with their latents.
    """
    build_encoder(fitted, basis, data, 0.2, {}).save(folder / "encoder")
    encoder = Encoder.load(folder / "encoder")
    with torch.no_grad():
        z = fitted.network.encode(torch.from_numpy(np.array(basis.val)))
        x_hat = fitted.network.decode(z).numpy() + basis.mean
    np.testing.assert_allclose(encoder.encoder(data.matrix("val")), z, atol=1e-4)
    np.testing.assert_allclose(encoder.decoder(z.numpy()), x_hat, atol=1e-4)
    return encoder, z.numpy()
