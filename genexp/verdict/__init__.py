"""The evaluation as a whole: its tasks, the comparison with baselines, and encoders side by side."""
