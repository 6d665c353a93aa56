"""genexp: encoders of gene expression that can be compared, trusted and loaded by name, tracked in
MLflow.

The command line is ``python -m genexp``; the functions here are the same for notebooks, see
:mod:`genexp.api`. They are imported on first use, so that ``import genexp`` stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genexp.api import (
        compare,
        embed,
        evaluate,
        load_encoder,
        preprocess,
        read,
        simulate,
        train,
        tune,
    )
    from genexp.errors import GenexpError
    from genexp.estimator import Autoencoder
    from genexp.model.encoder import Encoder
    from genexp.notebook import Comparison, Data, Model, Report, Study

__version__ = "0.2.0"
__all__ = [
    "Autoencoder",
    "Comparison",
    "Data",
    "Encoder",
    "GenexpError",
    "Model",
    "Report",
    "Study",
    "__version__",
    "compare",
    "embed",
    "evaluate",
    "load_encoder",
    "preprocess",
    "read",
    "simulate",
    "train",
    "tune",
]
_HOMES = {
    "Autoencoder": "genexp.estimator",
    "Encoder": "genexp.model.encoder",
    "GenexpError": "genexp.errors",
    **dict.fromkeys(("Comparison", "Data", "Model", "Report", "Study"), "genexp.notebook"),
}
"""Modules of the public names that are not in :mod:`genexp.api`."""


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name not in __all__:
        raise AttributeError(f"module 'genexp' has no attribute {name!r}")
    value = getattr(import_module(_HOMES.get(name, "genexp.api")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names alone."""
    return sorted(__all__)
