"""Tumour or normal tissue: classifiers on paired samples of ten cancers, their genes, and what
carries over to another cancer.
"""
