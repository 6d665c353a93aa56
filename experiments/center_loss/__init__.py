"""Integration of the samples of many studies by an encoder with centre loss."""
