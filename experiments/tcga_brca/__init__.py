"""The deep autoencoder of TCGA breast cancer: 2,048-512-32 on 20,531 genes."""
