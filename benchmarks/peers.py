"""(g) Peers from PyPI on the same rows; ``make bench-peers`` installs them into an environment of
their own.

The sides run in the peers' interpreter, so this file imports them, and genexp, only where they are
used.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

import numpy as np

from benchmarks.sides import Side, take_turns

N_LATENT = 32


def scvi_epochs(train: str, turns: int, epochs: int = 2) -> Iterator[dict[str, Any]]:
    """Epochs of scvi-tools' SCVI with its own 128 hidden units, on counts made from the rows: it
    takes nothing else.
    """
    import anndata
    import scvi
    import torch

    scaled = np.load(train)
    counts = np.rint(np.exp2(np.clip(8 + 2 * scaled, 0, 20))).astype(np.float32)
    adata = anndata.AnnData(counts)
    scvi.model.SCVI.setup_anndata(adata)
    torch.manual_seed(0)
    model = scvi.model.SCVI(adata, n_latent=N_LATENT)
    quiet = {
        "accelerator": "cpu",
        "train_size": 1.0,
        "batch_size": 256,
        "enable_progress_bar": False,
        "logger": False,
    }
    for _ in range(turns):
        start = time.perf_counter()
        model.train(max_epochs=epochs, **quiet)
        yield {"seconds": (time.perf_counter() - start) / epochs, "version": version("scvi-tools")}


def flexynesis_epochs(train: str, turns: int, epochs: int = 2) -> Iterator[dict[str, Any]]:
    """Epochs of flexynesis' supervised variational autoencoder on all genes, latent 32, through its
    own Lightning module.
    """
    import lightning
    import pandas as pd
    import torch
    from flexynesis.data import MultiOmicDataset
    from flexynesis.models.supervised_vae import supervised_vae

    X = torch.from_numpy(np.load(train))
    ann = {
        "y": torch.from_numpy(np.random.default_rng(0).standard_normal(len(X)).astype(np.float32))
    }
    genes, samples = [f"G{i}" for i in range(X.shape[1])], [f"S{i}" for i in range(len(X))]
    dataset = MultiOmicDataset(
        {"rna": X}, ann, {"y": "numerical"}, {"rna": pd.Index(genes)}, samples, {}
    )
    config = {
        "latent_dim": N_LATENT,
        "hidden_dim_factor": 0.2,
        "supervisor_hidden_dim": 16,
        "lr": 1e-3,
    }
    for _ in range(turns):
        model = supervised_vae(config, dataset, ["y"], device_type="cpu")
        quiet = dict.fromkeys(
            ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False
        )
        trainer = lightning.Trainer(max_epochs=epochs, accelerator="cpu", **quiet)
        start = time.perf_counter()
        trainer.fit(model, torch.utils.data.DataLoader(dataset, 256, shuffle=True))
        yield {"seconds": (time.perf_counter() - start) / epochs, "version": version("flexynesis")}


def autoencodix_epochs(
    train: str, val: str, turns: int, epochs: int = 1
) -> Iterator[dict[str, Any]]:
    """Fits of autoencodix' Vanillix with its own defaults (3 layers, each a quarter, minibatch 32)
    on all genes, latent 32.
    """
    os.environ.setdefault("MPLBACKEND", "Agg")
    import pandas as pd
    from autoencodix import Vanillix
    from autoencodix.configs.default_config import DataConfig, DataInfo
    from autoencodix.configs.vanillix_config import VanillixConfig
    from autoencodix.data.datapackage import DataPackage

    parts = [np.load(path) for path in (train, val)]
    X = np.concatenate(parts)
    table = pd.DataFrame(
        X, index=[f"S{i}" for i in range(len(X))], columns=[f"G{j}" for j in range(X.shape[1])]
    )
    annotation = pd.DataFrame({"group": "a"}, index=table.index)
    info = DataInfo(data_type="NUMERIC", scaling="NONE", filtering="NOFILT")
    config = VanillixConfig(
        data_config=DataConfig(data_info={"rna": info, "anno": DataInfo(data_type="ANNOTATION")}),
        latent_dim=N_LATENT,
        epochs=epochs,
        device="cpu",
        scaling="NONE",
        checkpoint_interval=epochs,
    )
    held = np.arange(len(parts[0]), len(X))
    splits = {"train": np.arange(len(parts[0])), "valid": held[::2], "test": held[1::2]}
    for _ in range(turns):
        model = Vanillix(
            data=DataPackage(multi_bulk={"rna": table}, annotation={"anno": annotation}),
            config=config,
            custom_splits=splits,
        )
        model.preprocess()
        start = time.perf_counter()
        model.fit()
        yield {"seconds": (time.perf_counter() - start) / epochs, "version": version("autoencodix")}


PEERS_OF: dict[str, Callable[..., Iterator[dict[str, Any]]]] = {
    "autoencodix Vanillix": autoencodix_epochs,
    "flexynesis supervised_vae": flexynesis_epochs,
    "scvi-tools SCVI": scvi_epochs,
}
TARGETS = {"autoencodix Vanillix": "200 x", "flexynesis supervised_vae": "100 x"}


def measure_peers(plan: Any) -> Any:
    """Seconds an epoch and peak memory of each peer, next to genexp's in the same minutes; an error
    is shown, not a figure.
    """
    from benchmarks.plan import PEERS, SCVI
    from benchmarks.results import Ratio, Section, gib, seconds, times
    from benchmarks.training import span_epochs

    if not PEERS.exists():
        raise SystemExit("the peers are not installed: make bench-peers does it")
    data = plan.simulated()
    n_train, n_genes = data.matrix("train").shape
    files = {part: str(data.folder / f"{part}.npy") for part in ("train", "val")}
    section = Section(f"(g) Peers at {n_train:,} x {n_genes:,}")
    rows = []
    for name, function in PEERS_OF.items():
        given = files if function is autoencodix_epochs else {"train": files["train"]}
        own = {
            "folder": str(data.folder),
            "hidden": list(plan.hidden),
            "n_latent": N_LATENT,
            "turns": 2,
        }
        python = str(SCVI if function is scvi_epochs else PEERS)
        sides = {
            "genexp": Side(span_epochs, own),
            name: Side(function, given | {"turns": 2}, python=python),
        }
        try:
            found = take_turns(sides, 2)
        except RuntimeError as error:
            section.notes.append(f"{name} could not be measured: {error}.")
            continue
        epoch = {
            side: float(np.median([turn["seconds"] for turn in turns]))
            for side, turns in found.items()
        }
        peak = {side: max(turn["peak"] for turn in turns) for side, turns in found.items()}
        title = f"{name} {found[name][0]['version']}"
        own_epoch, its_epoch = seconds(epoch["genexp"]), seconds(epoch[name])
        ratio = times(epoch[name], epoch["genexp"])
        section.ratios.append(
            Ratio(f"epoch, {title}", own_epoch, its_epoch, ratio, TARGETS.get(name, ""))
        )
        rows.append(
            {
                "peer": title,
                "epoch": its_epoch,
                "peak memory": gib(peak[name]),
                "genexp's epoch": own_epoch,
            }
        )
    section.tables = [rows] if rows else []
    section.notes.append(
        f"genexp: {'-'.join(map(str, (*plan.hidden, N_LATENT)))}. The peers have their own "
        f"architectures and defaults, latent {N_LATENT}: "
        "autoencodix narrows by 4 in each of 3 layers with minibatches of 32; flexynesis has "
        "one hidden layer of a fifth of the genes (the "
        "narrowest that its own search takes); scvi-tools has 128 hidden units and models "
        "counts, which were made from the same rows. "
        "Their epoch is a whole fit divided by its epochs."
    )
    return section
