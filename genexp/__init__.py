"""genexp: experiment tracking for gene-expression encoders, built around MLflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genexp.estimator import Autoencoder
    from genexp.tracking.registry import load_encoder

__version__ = "0.2.0"
__all__ = ["Autoencoder", "__version__", "load_encoder"]


def __getattr__(name: str) -> Any:
    """Import public names on first use, so that ``import genexp`` stays cheap."""
    if name == "Autoencoder":
        from genexp.estimator import Autoencoder

        return Autoencoder
    if name == "load_encoder":
        from genexp.tracking.registry import load_encoder

        return load_encoder
    raise AttributeError(f"module 'genexp' has no attribute {name!r}")
