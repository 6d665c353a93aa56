"""What a cohort is: read, checked, simulated."""
