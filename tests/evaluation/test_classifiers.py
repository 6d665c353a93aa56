"""Models on the genes find planted classes, know nothing of other rows, and are scored as
scikit-learn scores them.
"""

import numpy as np
import pytest
from sklearn.metrics import (
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    log_loss,
    precision_recall_fscore_support,
)

from genexp.errors import EvaluationError
from genexp.evaluation.classifiers import CLASSIFIERS, fit_boosting, score_probabilities

CLASSES = ("a", "b", "c")


def plant(
    n: int, seed: int, distance: float = 2.5, n_genes: int = 60
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of three unequal classes that differ in ten genes each, their labels, and groups of two
    rows of one class.
    """
    rng = np.random.default_rng(seed)
    codes = np.repeat(rng.choice(3, n // 2, p=[0.5, 0.3, 0.2]), 2)
    X = rng.normal(size=(n, n_genes)).astype(np.float32)
    for code in range(3):
        X[codes == code, 10 * code : 10 * code + 10] += distance
    return X, np.array(CLASSES)[codes], np.repeat([f"P{i}" for i in range(n // 2)], 2)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_planted_classes_are_found_by_every_model(name: str) -> None:
    (X, labels, groups), (X_test, truth, _) = plant(120, 0), plant(60, 1)
    probabilities = CLASSIFIERS[name](X, labels, groups, 0)(X_test)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert score_probabilities(truth, probabilities, CLASSES).scores["macro_f1"] > 0.9


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_prediction_of_a_row_does_not_depend_on_other_rows(name: str) -> None:
    (X, labels, groups), (X_test, _, _) = plant(80, 0), plant(10, 1)
    predict = CLASSIFIERS[name](X, labels, groups, 0)
    np.testing.assert_allclose(
        predict(X_test)[:3], predict(np.concatenate([X_test[:3], 1e3 * X_test[3:]]))[:3], atol=1e-6
    )


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_permuted_labels_give_chance_level(name: str) -> None:
    """Over six permutations, mean balanced accuracy of three classes within 2 standard errors (and
    0.03) of a third.
    """
    scores = []
    for seed in range(6):
        (X, labels, groups), (X_test, truth, _) = plant(60, seed), plant(60, 100 + seed)
        permuted = np.repeat(np.random.default_rng(seed).permutation(labels[::2]), 2)
        scores.append(
            score_probabilities(
                truth, CLASSIFIERS[name](X, permuted, groups, 0)(X_test), CLASSES
            ).scores["balanced_accuracy"]
        )
    assert abs(np.mean(scores) - 1 / 3) < 2 * np.std(scores) / np.sqrt(6) + 0.03


def test_boosting_sets_whole_groups_of_train_rows_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    X, labels, groups = plant(80, 0)
    of_row = {row.tobytes(): group for row, group in zip(X, groups, strict=True)}
    seen = {}
    fit = HistGradientBoostingClassifier.fit

    def remember(
        self: HistGradientBoostingClassifier, X: np.ndarray, y: np.ndarray, **values: np.ndarray
    ) -> object:
        seen["fit"], seen["held"] = (
            {of_row[row.tobytes()] for row in rows} for rows in (X, values["X_val"])
        )
        return fit(self, X, y, **values)

    monkeypatch.setattr(HistGradientBoostingClassifier, "fit", remember)
    fit_boosting(X, labels, groups, 0)
    assert seen["fit"] | seen["held"] == set(groups)
    assert not seen["fit"] & seen["held"]
    assert 4 <= len(seen["held"]) <= 9


def test_scores_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    truth, probabilities = rng.choice(CLASSES, 80), rng.dirichlet(np.ones(3), 80)
    predicted = np.array(CLASSES)[probabilities.argmax(axis=1)]
    found = score_probabilities(truth, probabilities, CLASSES)
    precision, recall, f1, n = precision_recall_fscore_support(truth, predicted, labels=CLASSES)
    expected = {
        "accuracy": np.mean(truth == predicted),
        "balanced_accuracy": balanced_accuracy_score(truth, predicted),
        "macro_f1": f1_score(truth, predicted, average="macro"),
        "macro_precision": precision.mean(),
        "log_loss": log_loss(truth, probabilities, labels=CLASSES),
    }
    assert found.scores == pytest.approx(expected)
    np.testing.assert_allclose(
        found.per_class.to_numpy(), np.column_stack([n, precision, recall, f1])
    )
    np.testing.assert_array_equal(
        found.confusion, confusion_matrix(truth, predicted, labels=CLASSES)
    )
    assert found.confusion.index.tolist() == list(CLASSES)


def test_a_class_without_samples_counts_for_no_average() -> None:
    found = score_probabilities(["a", "b", "b"], np.eye(3)[[0, 1, 1]], CLASSES)
    assert (
        found.scores["macro_f1"]
        == found.scores["balanced_accuracy"]
        == found.scores["accuracy"]
        == 1
    )
    assert np.isnan(found.per_class.loc["c", "f1"])


@pytest.mark.parametrize(
    ("truth", "said"), [(["a", "d"], "found 1 others of 2"), ([], "found 0 others of 0")]
)
def test_truths_that_are_no_class_and_no_samples_are_refused(truth: list[str], said: str) -> None:
    with pytest.raises(EvaluationError, match=said):
        score_probabilities(truth, np.full((len(truth), 3), 1 / 3), CLASSES)
