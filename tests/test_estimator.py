"""The scikit-learn estimator: it passes scikit-learn's own checks, works in pipelines, and gives
what the training loop gives.
"""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

import genexp
from genexp.settings.training import EncoderConfig

SMALL = {"n_latent": 2, "hidden": (8,), "epochs": 3, "random_state": 0}


@pytest.fixture(scope="module")
def blobs() -> tuple[np.ndarray, np.ndarray]:
    """Two classes in 30 features of very different means and scales."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 60)
    factors = rng.normal(size=(120, 3)) + 2 * y[:, None]
    X = (
        factors @ rng.normal(size=(3, 30)) + 0.3 * rng.normal(size=(120, 30))
    ) * 10.0 ** rng.integers(-3, 4, 30) + rng.normal(size=30) * 100
    return X, y


@parametrize_with_checks([genexp.Autoencoder(**SMALL)])
def test_scikit_learns_own_checks_pass(estimator: object, check: object) -> None:
    check(estimator)  # type: ignore[operator]


def test_its_defaults_are_those_of_train() -> None:
    fields, parameters = EncoderConfig.model_fields, genexp.Autoencoder().get_params()
    of_its_own = {"validation_fraction", "random_state", "options"}
    assert {name: fields[name].default for name in set(parameters) - of_its_own} == {
        name: value for name, value in parameters.items() if name not in of_its_own
    }


def test_it_starts_no_worse_than_pca(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    X = blobs[0]
    model = genexp.Autoencoder(n_latent=3, hidden=(16,), epochs=20, random_state=0).fit(X)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    x_hat = (model.inverse_transform(model.transform(X)) - X.mean(axis=0)) / X.std(axis=0)
    pca = PCA(3).fit(Z)
    assert (
        np.square(Z - x_hat).mean()
        < 1.05 * np.square(Z - pca.inverse_transform(pca.transform(Z))).mean()
    )


def test_a_pipeline_with_it_separates_classes_in_cross_validation(
    blobs: tuple[np.ndarray, np.ndarray],
) -> None:
    X, y = blobs
    pipeline = make_pipeline(
        genexp.Autoencoder(n_latent=3, hidden=(16,), epochs=5, random_state=0), LogisticRegression()
    )
    assert cross_val_score(pipeline, X, y, cv=3).mean() > 0.85
    search = GridSearchCV(pipeline, {"autoencoder__n_latent": [1, 3]}, cv=2).fit(X, y)
    assert search.best_params_["autoencoder__n_latent"] in (1, 3)


def test_the_same_random_state_gives_the_same_latents(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    X = blobs[0]
    model = genexp.Autoencoder(**SMALL | {"options": {"batch_norm": False}})
    latents = model.fit(X).transform(X)
    assert np.array_equal(clone(model).fit(X).transform(X), latents)
    assert not np.array_equal(clone(model).set_params(random_state=1).fit(X).transform(X), latents)
    assert np.array_equal(pickle.loads(pickle.dumps(model)).transform(X), latents)


def test_a_data_frame_keeps_its_names_and_gives_one_where_it_is_asked_for(
    blobs: tuple[np.ndarray, np.ndarray],
) -> None:
    frame = pd.DataFrame(blobs[0], columns=[f"gene{i}" for i in range(30)]).set_index(
        np.arange(120) + 7
    )
    model = genexp.Autoencoder(**SMALL).set_output(transform="pandas")
    latents = model.fit_transform(frame)
    assert list(latents.columns) == list(model.get_feature_names_out()) == ["latent_0", "latent_1"]
    assert latents.index.equals(frame.index)
    assert list(model.feature_names_in_) == list(frame)
    with pytest.raises(ValueError, match="feature names"):
        model.transform(frame[frame.columns[::-1]])


def test_a_constant_feature_is_reconstructed_as_the_constant(
    blobs: tuple[np.ndarray, np.ndarray],
) -> None:
    X = np.c_[blobs[0], np.full(120, 0.1), np.zeros(120)]
    model = genexp.Autoencoder(**SMALL).fit(X)
    assert np.isfinite(model.transform(X)).all()
    np.testing.assert_allclose(
        model.inverse_transform(model.transform(X))[:, -2:], X[:, -2:], atol=1e-6
    )


def test_samples_that_choose_the_epoch_do_not_standardise(
    blobs: tuple[np.ndarray, np.ndarray],
) -> None:
    X = blobs[0].copy()
    train = np.random.RandomState(0).permutation(len(X))[18:]  # 15 % of 120 validate
    X[np.setdiff1d(np.arange(len(X)), train)] += 50
    model = genexp.Autoencoder(**SMALL | {"random_state": 0}).fit(X)
    np.testing.assert_allclose(model.mean_, X[train].mean(axis=0))
    np.testing.assert_allclose(model.scale_, X[train].std(axis=0))


def test_a_model_type_that_learns_a_label_takes_it_from_y(
    blobs: tuple[np.ndarray, np.ndarray],
) -> None:
    X, y = blobs
    model = genexp.Autoencoder(**SMALL | {"kind": "classifier"}).fit(
        X, np.where(y, "tumour", "normal")
    )
    assert model.encoder_.find_head("label").classes == ("normal", "tumour")


def test_torch_is_left_as_it_was(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    torch.manual_seed(3)
    n_threads, state = torch.get_num_threads(), torch.get_rng_state()
    genexp.Autoencoder(**SMALL).fit(blobs[0])
    assert torch.get_num_threads() == n_threads
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"n_latent": 31}, "n_latent=31: expected at most 30"),
        ({"n_latent": 0}, "n_latent=0: input should be greater than or equal to 1"),
        ({"kind": "depp"}, "kind='depp'"),
        ({"validation_fraction": 1.0}, "validation_fraction=1.0"),
        ({"options": {"epoch": 3}}, "unknown parameter 'epoch'; did you mean 'epochs'"),
    ],
)
def test_parameters_out_of_range_are_refused(
    blobs: tuple[np.ndarray, np.ndarray], changed: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        genexp.Autoencoder(**SMALL | changed).fit(blobs[0])
