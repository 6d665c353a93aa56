"""Cohorts: reading, checks and simulation."""

from genexp.cohort.read import cohort_fingerprint, read_cohort

__all__ = ["cohort_fingerprint", "read_cohort"]
