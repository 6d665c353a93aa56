"""Judging encoders on held-out samples."""
