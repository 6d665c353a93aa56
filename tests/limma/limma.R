# Golden values of tests/test_moderated_t.py: R 4.2, limma 3.54.1. In this folder: Rscript limma.R
# Each table holds the values that go in (genes x samples, rounded), and what limma makes of them.
suppressMessages(library(limma))
set.seed(20)

draw <- function(n_genes, group, patient, spread) {
  values <- rnorm(n_genes, 8, 2) + matrix(rnorm(n_genes * length(group)), n_genes) * spread
  values <- values + matrix(rnorm(n_genes * nlevels(patient)), n_genes)[, as.integer(patient)]
  values[1:6, group == "case"] <- values[1:6, group == "case"] + c(3, -3, 2, -2, 1, -1)
  dimnames(values) <- list(paste0("G", seq_len(n_genes)), paste(group, patient, seq_along(group), sep = "_"))
  round(values, 4)
}

priors <- data.frame()
judge <- function(name, values, design) {
  fit <- eBayes(lmFit(values, design))
  out <- data.frame(gene = rownames(values), values, log2fc = fit$coefficients[, "groupcase"], t = fit$t[, "groupcase"],
                    p = fit$p.value[, "groupcase"], q = p.adjust(fit$p.value[, "groupcase"], "BH"), check.names = FALSE)
  write.table(format(out, digits = 10, trim = TRUE), paste0(name, ".tsv"), sep = "\t", quote = FALSE, row.names = FALSE)
  priors <<- rbind(priors, data.frame(case = name, df = fit$df.prior[1], variance = fit$s2.prior[1]))
}

lose <- function(values, group) {
  values[sample(length(values), length(values) %/% 8)] <- NA
  values["G7", group == "case"] <- NA                      # no difference can be told
  values["G8", -c(which(group == "case")[1], which(group == "control")[1])] <- NA  # nor a variance
  values["G9", ] <- NA
  values
}

alone <- factor(rep("x", 11))
group <- factor(rep(c("control", "case"), c(7, 4)), levels = c("control", "case"))
spread <- sqrt(0.3 * 6 / rchisq(40, 6))
plain <- draw(40, group, alone, spread)
judge("plain", plain, model.matrix(~group))
judge("missing", lose(plain, group), model.matrix(~group))

patient <- factor(c("a", "b", "c", "d", "e", "f", "a", "b", "c", "d", "e", "e"))  # f has no case, e has two
group <- factor(rep(c("control", "case"), c(6, 6)), levels = c("control", "case"))
paired <- draw(40, group, patient, spread)
judge("paired", paired, model.matrix(~ patient + group))
judge("paired_missing", lose(paired, group), model.matrix(~ patient + group))

group <- factor(rep(c("control", "case"), c(5, 5)), levels = c("control", "case"))
judge("alike", draw(15, group, factor(rep("x", 10)), rep(0.5, 15)), model.matrix(~group))  # variances no more unlike than chance: d0 = Inf
write.table(format(priors, digits = 10, trim = TRUE), "priors.tsv", sep = "\t", quote = FALSE, row.names = FALSE)
