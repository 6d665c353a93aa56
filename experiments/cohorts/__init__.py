"""Results of genexp on real cohorts, compared with what is known of them."""
