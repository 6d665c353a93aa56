"""Split, filter, normalise and scale: everything fitted on train samples alone."""

from genexp.preprocessing.pipeline import apply_transform, preprocess_cohort
from genexp.preprocessing.store import Preprocessed, load_preprocessed

__all__ = ["Preprocessed", "apply_transform", "load_preprocessed", "preprocess_cohort"]
