"""The end of a registered encoder's text: how MLflow calls it. Its text is used; it is not imported.

The text of a registered encoder is that of :mod:`genexp.model.encoder`, of what it imports and of this file in one
(:data:`genexp.tracking.registry.TEXT_PARTS`), so that it loads where genexp is not installed, without a pickle.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from genexp.model.encoder import Encoder


class RegisteredEncoder(PythonModel):
    """Turns a table of raw expression into latents, and these into what was asked for."""

    def load_context(self, context: Any) -> None:
        """Read the encoder that lies beside this text."""
        self.encoder = Encoder.load(Path(context.artifacts["encoder"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002
        """What ``params={"output": ...}`` names, of raw expression (n_samples, any genes).

        ``latent`` (n_samples, n_latent) where nothing is named; ``reconstruction``: its decoding; the name of a head: what it predicts.
        Where batches are corrected, ``params={"batch": NAME}`` tells the one batch of all these samples. A head that reads sequences needs
        ``subjects`` too, the subject of each row.

        Raises
        ------
        MlflowException
            What the encoder refuses, with the code that MLflow's scoring server answers with status 400.
        """
        try:
            return self._answer(model_input, params or {})
        except ValueError as error:  # of tables, scales, batches, heads: each is one sentence for the user
            raise MlflowException.invalid_parameter_value(str(error)) from error

    def _answer(self, expression: pd.DataFrame, asked: dict[str, Any]) -> pd.DataFrame:
        output, batch = asked.get("output", "latent"), asked.get("batch")
        if output not in ("latent", "reconstruction"):
            return self.encoder.predict(expression, output, batch, list(asked.get("subjects", [])) or None)
        latent = self.encoder.encode(expression, batch)
        return self.encoder.decode(latent) if output == "reconstruction" else latent


set_model(RegisteredEncoder())
