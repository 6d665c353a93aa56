"""Evaluation of latents on held-out samples: one module for each task."""
