"""Write the files of PyTables and loompy in this folder (tables 3.11.1, loompy 3.0.8, pandas 2.3.3,
Python 3.11).
"""

import loompy
import numpy as np
import pandas as pd

values = pd.DataFrame(
    [[4.75, 6.659, 7.152], [6.367, np.nan, 5.389], [4.329, 6.975, 9.023], [9.191, 7.477, 6.78]],
    index=pd.Index(["TP53", "MYC", "EGFR", "KRAS"], name="gene_id"),
    columns=["S1", "S2", "S3"],
)
values.to_hdf("pandas_fixed.h5", key="expr", mode="w")
values.assign(S2=[6, 0, 6, 7]).to_hdf("pandas_blocks.h5", key="data/expr", mode="w")
# packed by gzip afterwards
values.to_hdf("pandas_table.h5", key="expr", mode="w", format="table", index=False)
loompy.create(  # packed by gzip afterwards
    "cells.loom",
    {"": np.array([[5, 7, 7], [6, 0, 5], [4, 7, 9], [9, 7, 7]]), "spliced": np.ones((4, 3))},
    {
        "Gene": values.index.to_numpy(str),
        "Accession": np.array([f"ENSG{i:011d}" for i in range(4)]),
    },
    {
        "CellID": np.array(["c1", "c2", "c3"]),
        "type": np.array(["a", "b", "a"]),
        "age": np.array([50, 61, 40]),
    },
)
