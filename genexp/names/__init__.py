"""Names of genes and of annotations: their normal forms, the words they are told apart by, and gene sets."""
