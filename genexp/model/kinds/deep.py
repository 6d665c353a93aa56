"""The deep autoencoder."""

from genexp.model.kind import Kind


class Deep(Kind):
    """Hidden layers between genes and latents, mirrored on the way back (Hinton & Salakhutdinov, Science 2006)."""
