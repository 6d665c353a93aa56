"""Split, filter, normalise and scale: everything fitted on train samples alone."""

from genexp.preprocess.pipeline import apply_transform, preprocess_cohort
from genexp.preprocess.store import Preprocessed, load_preprocessed

__all__ = ["Preprocessed", "apply_transform", "load_preprocessed", "preprocess_cohort"]
