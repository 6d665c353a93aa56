"""The end of a registered encoder's text: how MLflow calls it. Its text is used; it is not imported.

The text of a registered encoder is that of :mod:`genexp.preprocess.transform`, :mod:`genexp.model.prediction`,
:mod:`genexp.model.encoder` and this file in one, so that it loads where genexp is not installed, without a pickle.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from genexp.model.encoder import Encoder


class RegisteredEncoder(PythonModel):
    """Turns a table of raw expression into latents, and these into what was asked for."""

    def load_context(self, context: Any) -> None:
        """Read the encoder that lies beside this text."""
        self.encoder = Encoder.load(Path(context.artifacts["encoder"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
<<<<<<< HEAD
        """What ``params={"output": ...}`` names, of raw expression (n_samples, any genes).

        ``latent`` (n_samples, n_latent) where nothing is named; ``reconstruction``: its decoding; the name of a head: what it predicts.
        """
        output = (params or {}).get("output", "latent")
        if output not in ("latent", "reconstruction"):
            return self.encoder.predict(model_input, output)
        latent = self.encoder.encode(model_input)
        return self.encoder.decode(latent) if output == "reconstruction" else latent
=======
        """Latents (n_samples, n_latent) of raw expression (n_samples, any genes).

        ``params={"output": "reconstruction"}`` asks for their decoding. Where studies are corrected, ``params={"study": NAME}`` tells
        the one study of all these samples.
        """
        asked = params or {}
        latent = self.encoder.encode(model_input, asked.get("study"))
        return self.encoder.decode(latent) if asked.get("output") == "reconstruction" else latent
>>>>>>> af57ca8 (Studies are corrected by ComBat or per-study z-scores, fitted on train rows, blind to the label, and the correction travels with the encoder; the name of a search is study_name)


set_model(RegisteredEncoder())
