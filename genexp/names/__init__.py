"""Names of genes and of annotations: their normal forms, the words that distinguish them, and gene
sets.
"""
