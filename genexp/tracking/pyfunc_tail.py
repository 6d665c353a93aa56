"""The end of a registered encoder's text: how MLflow calls it. Its text is used; it is not imported.

The text of a registered encoder is that of :mod:`genexp.preprocess.transform`, :mod:`genexp.model.encoder` and this
file in one, so that it loads where genexp is not installed, without a pickle.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from genexp.model.encoder import Encoder


class RegisteredEncoder(PythonModel):
    """Turns a table of raw expression into latents."""

    def load_context(self, context: Any) -> None:
        """Read the encoder that lies beside this text."""
        self.encoder = Encoder.load(Path(context.artifacts["encoder"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Latents (n_samples, n_latent) of raw expression (n_samples, any genes); ``params={"output": "reconstruction"}``: its decoding."""
        latent = self.encoder.encode(model_input)
        return self.encoder.decode(latent) if (params or {}).get("output") == "reconstruction" else latent


set_model(RegisteredEncoder())
