"""End of the text of a registered encoder: the interface for MLflow. Only the text is used; the
file is not imported.

The text of a registered encoder joins :mod:`genexp.model.encoder`, the modules that it imports, and
this file (:data:`genexp.tracking.registry.TEXT_PARTS`), so that it loads where genexp is not
installed, without a pickle.
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
    """MLflow model that encodes raw expression, and returns latents, reconstructions or predictions
    of a head.
    """

    def load_context(self, context: Any) -> None:
        """Load the encoder stored next to this text."""
        self.encoder = Encoder.load(Path(context.artifacts["encoder"]))

    def predict(
        self,
        context: Any,  # noqa: ARG002
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Return the output named by ``params={"output": ...}`` for raw expression (n_samples, any
        genes).

        ``latent`` (n_samples, n_latent), the default; ``reconstruction``: decoded latents; the name
        of a head: its predictions. Where batches are corrected, ``params={"batch": NAME}`` names
        the batch of all samples. A head of sequences also needs ``subjects``, the subject of each
        row.

        Raises
        ------
        MlflowException
            The encoder refuses the table; MLflow's scoring server answers with status 400.
        """
        try:
            return self._predict_output(model_input, params or {})
        # about tables, scales, batches or heads: one sentence for the user
        except ValueError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from error

    def _predict_output(self, expression: pd.DataFrame, params: dict[str, Any]) -> pd.DataFrame:
        output, batch = params.get("output", "latent"), params.get("batch")
        if output not in ("latent", "reconstruction"):
            return self.encoder.predict(
                expression, output, batch, list(params.get("subjects", [])) or None
            )
        latent = self.encoder.encode(expression, batch)
        return self.encoder.decode(latent) if output == "reconstruction" else latent


set_model(RegisteredEncoder())
