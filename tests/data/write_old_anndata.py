"""Write the AnnData files of version 0.6 in this folder (anndata 0.6.22.post1, h5py 2.10, pandas
0.25.3, Python 3.8).
"""

import anndata
import numpy as np
import pandas as pd
import scipy.sparse

counts = np.array([[0, 3, 1, 0], [2, 0, 0, 5], [1, 1, 0, 0]], np.float32)
obs = pd.DataFrame(
    {"type": pd.Categorical(["a", "b", "a"]), "age": [50.0, 61.5, 40.0]}, index=["S1", "S2", "S3"]
)
var = pd.DataFrame(
    {"gene_ids": [f"ENSG{i:011d}" for i in range(4)]}, index=["TP53", "MYC", "EGFR", "KRAS"]
)
dense = anndata.AnnData(np.log1p(counts), obs=obs.copy(), var=var.copy())
dense.raw = anndata.AnnData(scipy.sparse.csr_matrix(counts), obs=obs.copy(), var=var.copy())
dense.write("anndata_0.6_dense.h5ad")
anndata.AnnData(scipy.sparse.csr_matrix(counts), obs=obs, var=var).write("anndata_0.6_sparse.h5ad")
