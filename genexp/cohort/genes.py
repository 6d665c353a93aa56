"""Names of genes. This file's text is part of every registered encoder, so it imports nothing."""


def read_gene_symbol(name: str) -> str:
    """Symbol of a gene as Firehose names it: ``TP53|7157`` -> ``TP53``; ``?|100130426`` has none and stays."""
    symbol, bar, _ = name.partition("|")
    return symbol if bar and symbol not in ("?", "") else name
