"""Autoencoders of log2 fold changes, and the terms that they hold, with all genes."""
