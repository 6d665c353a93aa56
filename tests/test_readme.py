"""What README shows works."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from genexp.model.model_type import Inputs, Minibatch
from genexp.settings.training import EncoderConfig

README = (Path(__file__).parents[1] / "README.md").read_text()


def test_the_model_type_of_the_readme_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its code is taken as it stands; thirty lines, as for any model type."""
    code = next(
        block
        for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL)
        if "(Deep)" in block
    )
    assert len(code.splitlines()) <= 30
    monkeypatch.setitem(sys.modules, "readme_model_type", type(sys)("readme_model_type"))
    scope = vars(sys.modules["readme_model_type"])
    exec(compile(code, "README.md", "exec"), scope)
    parameters, model_type_class = scope["DecorrelatedParameters"], scope["Decorrelated"]

    class Config(EncoderConfig, parameters):  # type: ignore[misc, valid-type]
        pass

    config = Config(hidden=(8,), n_latent=3)
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((20, 10)).astype(np.float32))
    inputs = Inputs(10, 10, 10.0, 1.0, torch.linalg.qr(torch.randn(10, 3))[0], 1.0)
    model_type = model_type_class(config)
    result = model_type.run(model_type.build(inputs), Minibatch(x, 10))
    result.losses["decorrelation"].backward()
    assert result.losses["decorrelation"] > 0
