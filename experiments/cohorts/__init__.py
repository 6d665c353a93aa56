"""What genexp says of real cohorts, and whether it finds what is known to be there."""
