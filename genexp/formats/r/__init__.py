"""Files of R: data frames, matrices and Bioconductor's objects."""
