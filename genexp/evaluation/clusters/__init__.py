"""Clusters of latents: k-means, other methods, and the annotations that go with them."""
