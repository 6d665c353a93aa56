"""Survival analysis on latents: Cox regression, scores, risk groups, increments and null models."""
