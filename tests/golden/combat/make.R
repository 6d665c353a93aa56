# Golden values of tests/test_combat.py: what ComBat of sva gives for 30 genes x 24 samples of three studies.
# Made with R 4.2.2 and sva 3.46.0 by `Rscript make.R` in this folder; the tests need no R.
suppressMessages(library(sva))

set.seed(20260101)
study <- rep(c("A", "B", "C"), c(10, 8, 6))
label <- rep(c("normal", "tumor"), 12)
sex <- sample(rep(c("f", "m"), 12))
n_genes <- 30
shift <- matrix(rnorm(3 * n_genes, mean = c(0, 2, -1), sd = 0.7), 3)
factor <- matrix(sqrt(1 / rgamma(3 * n_genes, 6, 5)), 3)
place <- match(study, c("A", "B", "C"))
noise <- matrix(rnorm(n_genes * 24), n_genes)
effect <- outer(rnorm(n_genes), label == "tumor") + 0.5 * outer(rnorm(n_genes), sex == "m")
x <- round(8 + rnorm(n_genes) + effect + t(shift[place, ]) + t(factor[place, ]) * noise, 4)
x[7, study == "B"] <- 5 # a gene that does not vary within a study
dimnames(x) <- list(paste0("GENE", 1:n_genes), paste0("S", 1:24))

write_values <- function(values, name) {
  write.table(format(values, digits = 12, trim = TRUE), paste0(name, ".tsv"), sep = "\t", quote = FALSE, col.names = NA)
}
write.table(data.frame(batch = study, label, sex, row.names = colnames(x)), "samples.tsv", sep = "\t", quote = FALSE, col.names = NA)
write_values(x, "expression")
mod <- model.matrix(~ label + sex)
write_values(ComBat(x, study), "parametric")
write_values(ComBat(x, study, par.prior = FALSE), "nonparametric")
write_values(ComBat(x, study, ref.batch = "B"), "reference")
write_values(ComBat(x, study, mod = mod), "covariates")
write_values(ComBat(x, study, mod = mod, ref.batch = "A", par.prior = FALSE), "covariates_reference_nonparametric")
