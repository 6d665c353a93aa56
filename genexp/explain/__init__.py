"""Explanation of latents and predictions by genes and gene sets."""
