"""Layers and kinds of autoencoders, and the shipped encoder."""
