"""The pan-cancer denoising autoencoder and BioBombe's comparison: 5,000-100-5,000 beside PCA, ICA,
NMF and a variational one.
"""
