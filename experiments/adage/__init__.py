"""ADAGE: denoising autoencoders of 50 nodes, the genes of high weight of each node, and what those
genes stand for.
"""
