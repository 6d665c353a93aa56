"""What README shows works."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from genexp.model.kind import Batch, Inputs
from genexp.settings.training import EncoderConfig

README = (Path(__file__).parents[1] / "README.md").read_text()


def test_the_kind_of_the_readme_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its code is taken as it stands; thirty lines, as the text says of any kind."""
    code = next(block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "(Kind)" in block)
    assert len(code.splitlines()) <= 30
    monkeypatch.setitem(sys.modules, "readme_kind", type(sys)("readme_kind"))
    scope = vars(sys.modules["readme_kind"])
    exec(compile(code, "README.md", "exec"), scope)
    parameters, kind = scope["DecorrelatedParameters"], scope["Decorrelated"]

    class Config(EncoderConfig, parameters):  # type: ignore[misc, valid-type]
        pass

    config = Config(hidden=(8,), n_latent=3)
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((20, 10)).astype(np.float32))
    inputs = Inputs(10, 10, 10.0, 1.0, torch.linalg.qr(torch.randn(10, 3))[0], 1.0)
    network = kind(config).build(inputs)
    made = kind(config).run(network, Batch(x, 10))
    made.terms["decorrelation"].backward()
    assert made.terms["decorrelation"] > 0
