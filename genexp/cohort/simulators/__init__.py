"""Simulated cohorts whose truths are known: bulk tissue, compendia of fold changes, single
cells.
"""
