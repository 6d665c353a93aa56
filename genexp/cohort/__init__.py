"""What a cohort is: read, checked, simulated."""

from genexp.cohort.read import cohort_fingerprint, read_cohort

__all__ = ["cohort_fingerprint", "read_cohort"]
