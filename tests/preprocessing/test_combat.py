"""Correction of batches: equal to sva where it is ComBat, blind to held-out samples, and it takes
out batches and nothing else.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from genexp.cohort.annotations import add_canonical_columns
from genexp.errors import CohortError, ConfigError, PreprocessError, TrainingError
from genexp.model.types import create_model_type
from genexp.preprocessing import Preprocessed, apply_transform, load_preprocessed
from genexp.preprocessing.combat import fit_combat
from genexp.preprocessing.confounding import measure_confounding
from genexp.preprocessing.correction import BatchError
from genexp.preprocessing.fit import fit_genes
from genexp.preprocessing.invariance import find_dependent
from genexp.preprocessing.quality import join_batches, measure_genes
from genexp.preprocessing.transform import Transform
from genexp.settings.cohort import CohortConfig
from genexp.settings.parse import parse_settings
from genexp.settings.training import EncoderConfig
from genexp.settings.verbs import PreprocessSettings
from genexp.training.targets import build_targets
from tests.small_cohort import preprocess

GOLDEN = Path(__file__).parents[1] / "golden" / "combat"
"""Made by ``make.R`` beside them with sva 3.46.0."""
BATCHES = ("GSE1", "GSE2", "GSE3")
N_SAMPLES, N_GENES = 180, 60


def read_golden(name: str) -> pd.DataFrame:
    return pd.read_csv(GOLDEN / f"{name}.tsv", sep="\t", index_col=0)


def make_cohort(shift: float = 3.0, seed: int = 0) -> AnnData:
    """Three batches that differ by shift and factor in every gene, with a label that is in all of
    them alike; genes 0..9 tell it.
    """
    rng = np.random.default_rng(seed)
    place, label = np.arange(N_SAMPLES) % 3, np.arange(N_SAMPLES) // 3 % 2
    X = rng.normal(size=(N_SAMPLES, N_GENES))
    X[:, :10] += 1.5 * label[:, None]
    X = (
        8
        + X * rng.uniform(0.5, 2, size=(3, N_GENES))[place]
        + shift * rng.normal(size=(3, N_GENES))[place]
    )
    ids = pd.Index([f"sample{i}" for i in range(N_SAMPLES)], name="sample_id")
    obs = pd.DataFrame(
        {
            "group": ids,
            "label": pd.Categorical(np.array(["normal", "tumor"])[label]),
            "batch": np.array(BATCHES)[place],
        },
        index=ids,
    )
    var = pd.DataFrame(
        {"source": [f"GENE{j}" for j in range(N_GENES)], "entrez_id": ""},
        index=[f"GENE{j}" for j in range(N_GENES)],
    )
    return AnnData(
        X.astype(np.float32),
        obs=obs,
        var=var,
        uns={"scale": "log2fc", "name": "batches", "digest": "0" * 16, "report": {}},
    )


def correct(adata: AnnData, tmp_path: Path, **values: Any) -> Preprocessed:
    return preprocess(adata, tmp_path, **{"batch": "batch", "correction": "combat", **values})


def share_of_variance(X: np.ndarray, group: pd.Series) -> np.ndarray:
    """Share (n_genes,) of the variance that is between groups."""
    between = pd.DataFrame(X).groupby(group.to_numpy()).transform("mean").var(ddof=0)
    return (between / pd.DataFrame(X).var(ddof=0)).to_numpy()


class TestComBat:
    @pytest.mark.parametrize(
        ("name", "settings", "columns"),
        [
            ("parametric", {}, None),
            ("nonparametric", {"prior": "nonparametric"}, None),
            ("reference", {"reference": "B"}, None),
            ("covariates", {}, ["label", "sex"]),
            (
                "covariates_reference_nonparametric",
                {"prior": "nonparametric", "reference": "A"},
                ["label", "sex"],
            ),
        ],
    )
    def test_fit_and_transform_of_the_same_rows_give_what_sva_gives(
        self, name: str, settings: dict[str, Any], columns: list[str] | None
    ) -> None:
        samples, X = read_golden("samples"), read_golden("expression").T.to_numpy()
        covariates = None if columns is None else samples[columns]
        combat = fit_combat(X, samples["batch"], covariates, **settings)
        np.testing.assert_allclose(
            combat.transform(X, samples["batch"], covariates), read_golden(name).T, atol=1e-9
        )

    def test_a_gene_that_is_constant_within_a_batch_is_left_as_it_is(self) -> None:
        samples, X = read_golden("samples"), read_golden("expression").T.to_numpy()
        corrected = fit_combat(X, samples["batch"]).transform(X, samples["batch"])
        assert (corrected == X).all(axis=0).tolist() == [gene == 6 for gene in range(X.shape[1])]

    def test_rows_are_transformed_one_by_one_and_in_any_order(self) -> None:
        samples, X = read_golden("samples"), read_golden("expression").T.to_numpy()
        combat = fit_combat(X, samples["batch"], samples[["label"]])
        whole = combat.transform(X, samples["batch"], samples[["label"]])
        for row in (3, 15, 23):
            own = samples.iloc[[row]]
            np.testing.assert_array_equal(
                combat.transform(X[[row]], own["batch"], own[["label"]])[0], whole[row]
            )

    def test_shrinkage_shrinks(self) -> None:
        samples, X = read_golden("samples"), read_golden("expression").T.to_numpy()
        gains = {
            prior: np.log(fit_combat(X, samples["batch"], prior=prior).correction.gain)
            for prior in ("none", "parametric", "nonparametric")
        }
        assert gains["parametric"].std() < gains["none"].std()
        assert gains["nonparametric"].std() < gains["none"].std()

    def test_missing_values_are_left_out_and_stay(self) -> None:
        samples, X = read_golden("samples"), read_golden("expression").T.to_numpy()
        holed = X.copy()
        holed[0, 0] = holed[12, 3] = np.nan
        for covariates in (None, samples[["label"]]):
            whole = fit_combat(X, samples["batch"], covariates).transform(
                X, samples["batch"], covariates
            )
            found = fit_combat(holed, samples["batch"], covariates).transform(
                holed, samples["batch"], covariates
            )
            assert np.isnan(found).sum() == 2
            np.testing.assert_allclose(
                np.delete(found, [0, 3], axis=1), np.delete(whole, [0, 3], axis=1), atol=0.02
            )
            assert 0 < np.nanmax(np.abs(found - whole)[:, [0, 3]]) < 0.5

    def test_an_unseen_batch_is_refused_or_estimated_as_combat_estimates_its_own(self) -> None:
        samples, X = read_golden("samples"), read_golden("expression").T.to_numpy()
        known = (samples["batch"] != "C").to_numpy()
        with pytest.raises(
            BatchError,
            match=r"fitted correction, 2 \(A, B\); found 6 samples of other batches: 1 \(C\).*unseen_batch=estimate",  # noqa: E501
        ):
            fit_combat(X[known], samples["batch"][known]).transform(
                X[~known], samples["batch"][~known]
            )
        combat = fit_combat(X[known], samples["batch"][known], unseen="estimate")
        again = combat.transform(X[known], ["new"] * 10 + ["other"] * 8)
        np.testing.assert_allclose(
            np.delete(again, 6, axis=1),
            np.delete(combat.transform(X[known], samples["batch"][known]), 6, axis=1),
            atol=1e-9,
        )
        centre, spread = combat.correction.centre, combat.correction.spread
        corrected = (combat.transform(X[~known], samples["batch"][~known]) - centre)[
            :, spread > 0
        ] / spread[spread > 0]
        assert (
            np.abs(corrected.mean(axis=0)).mean()
            < 0.2
            * np.abs(((X[~known] - centre)[:, spread > 0] / spread[spread > 0]).mean(axis=0)).mean()
        )

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (
                {"batch": ["A"] * 23 + ["B"]},
                r"two or more train samples of every batch.*found only one of 1 \(B\)",
            ),
            (
                {"reference": "Z"},
                r"reference_batch=Z: expected a batch of the train samples: 3 \(A, B, C\)",
            ),
            (
                {"covariates": pd.DataFrame({"kind": list("xxxxxxxxxx" + "y" * 14)})},
                r"1 \(kind\), which are determined by the batch",
            ),
            (
                {"covariates": pd.DataFrame({"a": list("xy" * 12), "b": list("vw" * 12)})},
                r"2 \(a, b\), which are determined by each other",
            ),
            (
                {"X": np.ones((24, 5))},
                r"expected 3 or more genes that vary in every batch, found 0 of 5",
            ),
        ],
    )
    def test_what_cannot_be_fitted_is_refused(self, change: dict[str, Any], message: str) -> None:
        samples, X = read_golden("samples"), read_golden("expression").T.to_numpy()
        given = {"X": X, "batch": samples["batch"], "covariates": None, **change}
        with pytest.raises(PreprocessError, match=message):
            fit_combat(given.pop("X"), given.pop("batch"), given.pop("covariates"), **given)

    def test_other_covariates_than_those_of_the_fit_are_refused(self) -> None:
        samples, X = read_golden("samples"), read_golden("expression").T.to_numpy()
        combat = fit_combat(X, samples["batch"], samples[["label"]])
        with pytest.raises(
            PreprocessError,
            match=r"expected the covariates 1 \(label\) of 24 samples, found 0 \(\)",
        ):
            combat.transform(X, samples["batch"])
        with pytest.raises(
            PreprocessError,
            match=r"covariate label: expected 2 \(normal, tumor\) for every sample, found 1 \(cyst\)",  # noqa: E501
        ):
            combat.transform(X, samples["batch"], pd.DataFrame({"label": ["cyst"] * 24}))


class TestPipeline:
    @pytest.mark.parametrize("correction", ["zscore", "combat"])
    def test_planted_batches_are_removed_and_planted_biology_is_kept(
        self, tmp_path: Path, correction: str
    ) -> None:
        adata = make_cohort(shift=5)
        raw, data = (correct(adata, tmp_path, correction=method) for method in ("none", correction))
        for before, after, obs in (
            (raw.matrix("train"), data.matrix("train"), data.obs("train")),
            (raw.access_test()[0], *data.access_test()),
        ):
            assert np.median(share_of_variance(before, obs["batch"])) > 0.7
            by_chance = 2 / len(obs)
            assert np.median(share_of_variance(after, obs["batch"])) < 3 * by_chance
            hidden, told = (share_of_variance(X, obs["label"])[:10].mean() for X in (before, after))
            assert told > max(0.3, 2 * hidden)

    def test_zscore_gives_every_batch_of_the_train_rows_one_mean_and_one_spread(
        self, tmp_path: Path
    ) -> None:
        data = correct(make_cohort(), tmp_path, correction="zscore", scaling="none")
        by_batch = pd.DataFrame(data.matrix("train")).groupby(data.obs("train")["batch"].to_numpy())
        for table in (by_batch.mean(), by_batch.std()):
            np.testing.assert_allclose(
                table, np.broadcast_to(table.iloc[[0]], table.shape), rtol=1e-4
            )

    def test_train_rows_are_what_combat_gives_for_them(self, tmp_path: Path) -> None:
        adata = make_cohort()
        data = correct(
            adata, tmp_path, scaling="none", combat_prior="nonparametric", reference_batch="GSE2"
        )
        own = adata[data.obs("train").index]
        combat = fit_combat(
            np.asarray(own.X), own.obs["batch"], prior="nonparametric", reference="GSE2"
        )
        np.testing.assert_allclose(
            data.matrix("train"),
            combat.transform(np.asarray(own.X, dtype=float), own.obs["batch"]),
            atol=1e-4,
        )
        reference = (own.obs["batch"] == "GSE2").to_numpy()
        np.testing.assert_array_equal(data.matrix("train")[reference], own.X[reference])

    @pytest.mark.parametrize("correction", ["zscore", "combat"])
    @pytest.mark.parametrize("scale", ["counts", "log2fc"])
    def test_held_out_rows_have_no_part_in_what_is_fitted(
        self, tmp_path: Path, correction: str, scale: str
    ) -> None:
        adata = make_cohort()
        if scale == "counts":
            adata.X, adata.uns["scale"] = np.rint(np.exp2(np.asarray(adata.X))), scale
        adata.X[3, 20] = np.nan
        settings = {
            "correction": correction,
            "missing": "impute_mean",
            "n_top_genes": 40,
            "min_detected": 0,
            "min_sample_detected": 0,
        }
        clean = correct(adata, tmp_path, **settings)
        held_out = ~adata.obs_names.isin(clean.obs("train").index)
        adata.X[held_out] = np.abs(
            np.random.default_rng(1).normal(50, 20, size=(held_out.sum(), N_GENES))
        ).round()
        corrupted = correct(adata, tmp_path, **settings)
        assert list(clean.var.index) == list(corrupted.var.index)
        for (name, value), again in zip(
            clean.transform.to_parts()[1].items(),
            corrupted.transform.to_parts()[1].values(),
            strict=True,
        ):
            np.testing.assert_array_equal(value, again, err_msg=name)
        np.testing.assert_array_equal(clean.matrix("train"), corrupted.matrix("train"))
        assert clean.report["fitted_state"]["changed"] == []

    def test_the_guard_finds_a_correction_that_saw_held_out_rows(self) -> None:
        adata, config = (
            make_cohort(),
            PreprocessSettings(batch="batch", correction="combat", min_detected=0),
        )
        X, batch = np.array(adata.X), adata.obs["batch"].to_numpy(dtype=object)
        on_all = partial(
            fit_genes,
            var=adata.var,
            train=np.arange(N_SAMPLES),
            scale="log2fc",
            normalise="none",
            config=config,
            batch=batch,
        )
        changed = find_dependent(X, np.arange(0, N_SAMPLES, 4), on_all(X), on_all)
        assert {
            "correction.gain",
            "correction.offset",
            "correction.centre",
            "correction.spread",
        } <= set(changed)

    def test_a_stored_cohort_is_read_back_with_its_correction(self, tmp_path: Path) -> None:
        data = correct(make_cohort(), tmp_path, unseen_batch="estimate")
        again = load_preprocessed(data.folder).transform
        assert again.to_parts()[0] == data.transform.to_parts()[0]
        raw = np.asarray(make_cohort()[data.obs("train").index].X)
        np.testing.assert_array_equal(
            again.apply(raw, data.obs("train")["batch"]), data.matrix("train")
        )

    def test_the_same_cohort_by_a_finished_transform_gives_the_same_rows(
        self, tmp_path: Path
    ) -> None:
        adata = make_cohort()
        data = correct(adata, tmp_path)
        apply = partial(
            apply_transform,
            np.asarray(adata.X),
            split=data.split,
            var=data.var,
            transform=data.transform,
        )
        again = apply(adata.obs, name="batches", scale="log2fc", cache=tmp_path)
        np.testing.assert_array_equal(again.matrix("train"), data.matrix("train"))
        np.testing.assert_array_equal(again.access_test()[0], data.access_test()[0])
        with pytest.raises(
            PreprocessError, match=r"expected the batch of the samples.*3 \(GSE1, GSE2, GSE3\)"
        ):
            apply(adata.obs.drop(columns="batch"), name="batches", scale="log2fc", cache=tmp_path)

    def test_a_batch_that_is_held_out_whole_is_refused_unless_it_may_be_estimated(
        self, tmp_path: Path
    ) -> None:
        adata = make_cohort()
        adata.obs["group"] = adata.obs["batch"]
        del adata.obs["label"]
        with pytest.raises(
            PreprocessError,
            match=r"fitted correction, 1 \(GSE\d\); found 60 samples of other batches: 1 \(GSE\d\)",
        ):
            correct(adata, tmp_path, split="34/33/33")
        data = correct(adata, tmp_path, split="34/33/33", unseen_batch="estimate")
        train, (test, _) = data.matrix("train"), data.access_test()
        np.testing.assert_allclose(test.mean(axis=0), train.mean(axis=0), atol=0.1)
        assert np.abs(np.log(test.std(axis=0))).mean() < 0.1
        assert data.transform.correction is not None
        assert data.transform.correction.batches == tuple(data.obs("train")["batch"].unique())
        assert len(data.report["correction"]["unseen"]) == 2

    def test_missing_values_stand_at_the_corrected_train_mean(self, tmp_path: Path) -> None:
        adata = make_cohort()
        adata.X[::7, 20] = np.nan
        data = correct(adata, tmp_path, missing="impute_mean")
        holes = np.isnan(np.asarray(adata[data.access_test()[1].index].X)[:, 20])
        assert holes.any()
        np.testing.assert_allclose(data.access_test()[0][holes, 20], 0, atol=1e-6)

    def test_genes_are_chosen_by_their_spread_within_batches(self, tmp_path: Path) -> None:
        adata = make_cohort(shift=0)
        adata.X[:, :30] = 8 + (adata.X[:, :30] - 8) / 10
        adata.X[:, :30] += 20 * (np.arange(N_SAMPLES) % 3)[:, None]
        assert set(correct(adata, tmp_path, correction="none", n_top_genes=30).var.index) == set(
            adata.var_names[:30]
        )
        assert set(correct(adata, tmp_path, n_top_genes=30).var.index) == set(adata.var_names[30:])

    def test_batches_are_joined_at_the_mean_of_all_and_differ_no_more(self) -> None:
        adata = make_cohort()
        values, batch = np.array(adata.X), adata.obs["batch"].to_numpy(dtype=object)
        values[5, 3] = np.nan
        values[:, 7] = np.where(batch == "GSE1", 4.7, 1.1)
        before = measure_genes(values)
        join_batches(values, batch)
        np.testing.assert_allclose(measure_genes(values)["mean"], before["mean"], rtol=1e-5)
        np.testing.assert_allclose(
            share_of_variance(np.delete(values, 7, axis=1), adata.obs["batch"]), 0, atol=1e-6
        )
        assert np.ptp(values[:, 7]) < 1e-6

    def test_genes_that_do_not_vary_in_a_batch_are_left_and_counted(self, tmp_path: Path) -> None:
        adata = make_cohort()
        adata.X[(adata.obs["batch"] == "GSE3").to_numpy(), 25] = 7
        data = correct(adata, tmp_path)
        assert data.report["correction"]["n_genes_left"] == 1
        assert any(
            "1 of 60 genes do not vary within some batch" in warning
            for warning in data.report["warnings"]
        )

    def test_without_correction_the_batch_changes_nothing(self, tmp_path: Path) -> None:
        adata = make_cohort()
        plain = preprocess(adata, tmp_path)
        told = preprocess(adata, tmp_path, batch="batch")
        assert (
            plain.transform.to_parts()[0]
            == told.transform.to_parts()[0]
            == {"normalise": "none", "clip": None, "common_library": 1e6}
        )
        np.testing.assert_array_equal(plain.matrix("train"), told.matrix("train"))


class TestConfounding:
    def test_cramers_v_is_that_of_scipy(self) -> None:
        from scipy.stats.contingency import association

        rng = np.random.default_rng(0)
        obs = pd.DataFrame(
            {"batch": rng.choice(list("abcd"), 90), "label": rng.choice(["x", "y", None], 90)}
        )
        table = pd.crosstab(obs["batch"], obs["label"])
        assert measure_confounding(obs) == pytest.approx(association(table.to_numpy(), "cramer"))

    @pytest.mark.parametrize(
        "labels", [{"GSE1": "a", "GSE2": "b", "GSE3": "c"}, {"GSE1": "a", "GSE2": "b", "GSE3": "b"}]
    )
    def test_correction_is_refused_where_the_batch_tells_the_label(
        self, tmp_path: Path, labels: dict[str, str]
    ) -> None:
        adata = make_cohort()
        adata.obs["label"] = adata.obs["batch"].map(labels).astype("category")
        with pytest.raises(PreprocessError, match="determine each other"):
            correct(adata, tmp_path)
        assert correct(adata, tmp_path, correction="none").report["cramers_v"] == pytest.approx(1)

    def test_strong_confounding_is_told(self, tmp_path: Path) -> None:
        adata = make_cohort()
        assert correct(adata, tmp_path).report["cramers_v"] < 0.2
        odd = (adata.obs["batch"] == "GSE1") ^ (np.arange(N_SAMPLES) % 10 == 0)
        adata.obs["label"] = pd.Categorical(np.where(odd, "tumor", "normal"))
        data = correct(adata, tmp_path)
        assert data.report["cramers_v"] > 0.5
        assert any(
            "correction=combat removes part of the label" in warning
            for warning in data.report["warnings"]
        )


class TestRefusals:
    @pytest.mark.parametrize(
        ("values", "message"),
        [
            (
                {"correction": "combat"},
                "correction=combat needs the batch of every sample; name its column with batch=",
            ),
            ({"reference_batch": "A"}, "reference_batch=A corrects nothing; add correction=combat"),
        ],
    )
    def test_contradicting_parameters_are_refused(
        self, values: dict[str, str], message: str
    ) -> None:
        with pytest.raises(ConfigError, match=message):
            parse_settings(PreprocessSettings, values)

    def test_samples_without_a_batch_are_refused(self) -> None:
        obs = pd.DataFrame({"lab": ["x", "", "y", None]}, index=["s0", "s1", "s2", "s3"])
        with pytest.raises(
            CohortError,
            match=r"batch='lab': expected the batch of every sample, found none for 2 \(s1, s3\) of 4",  # noqa: E501
        ):
            add_canonical_columns(obs, CohortConfig(batch="lab"))
        with pytest.raises(CohortError, match=r"batch='site' is not a column of the annotations"):
            add_canonical_columns(obs, CohortConfig(batch="site"))

    def test_a_column_called_batch_that_is_not_named_is_kept_aside(self) -> None:
        obs = pd.DataFrame({"batch": ["x", "y"], "lab": [1, 2]}, index=["s0", "s1"])
        unnamed = add_canonical_columns(obs, CohortConfig())[0]
        assert "batch" not in unnamed
        assert list(unnamed["given_batch"]) == ["x", "y"]
        named = add_canonical_columns(obs, CohortConfig(batch="lab"))[0]
        assert (list(named["batch"]), list(named["given_batch"])) == (["1", "2"], ["x", "y"])

    def test_a_batch_of_one_train_sample_is_refused(self, tmp_path: Path) -> None:
        adata = make_cohort()
        first = correct(adata, tmp_path).obs("train").index[0]
        adata.obs.loc[first, "batch"] = "GSE9"
        with pytest.raises(
            PreprocessError,
            match=r"two or more train samples of every batch.*found only one of 1 \(GSE9\)",
        ):
            correct(adata, tmp_path)

    def test_counts_cannot_be_told_from_corrected_values(self, tmp_path: Path) -> None:
        adata = make_cohort(shift=0)
        adata.X, adata.uns["scale"] = np.rint(np.exp2(np.asarray(adata.X))), "counts"
        with pytest.raises(
            TrainingError, match=r"correction=none, so that counts are recovered.*corrected batches"
        ):
            build_targets(correct(adata, tmp_path), create_model_type(EncoderConfig(kind="count")))

    @pytest.mark.parametrize(
        ("batch", "message"),
        [
            (
                None,
                r"expected the batch of the samples.*found none. Known batches: 3 \(GSE1, GSE2, GSE3\)",  # noqa: E501
            ),
            ("", "expected the batch of the samples"),
            (["GSE1", "GSE2"], "expected a batch for each of 4 samples, found 2 with 0 missing"),
            (["GSE1", "GSE2", None, "GSE1"], "found 4 with 1 missing"),
            ("GSE7", r"found 4 samples of other batches: 1 \(GSE7\)"),
        ],
    )
    def test_a_transform_says_what_batch_it_needs(
        self, tmp_path: Path, batch: Any, message: str
    ) -> None:
        transform: Transform = correct(make_cohort(), tmp_path).transform
        with pytest.raises(BatchError, match=message):
            transform.apply(np.ones((4, N_GENES), dtype=np.float32), batch)

    def test_an_unseen_batch_of_one_sample_is_refused(self, tmp_path: Path) -> None:
        transform = correct(make_cohort(), tmp_path, unseen_batch="estimate").transform
        with pytest.raises(
            BatchError, match=r"two or more samples of a new batch.*found one of 1 \(GSE7\)"
        ):
            transform.apply(np.asarray(make_cohort().X)[:3], ["GSE1", "GSE1", "GSE7"])
