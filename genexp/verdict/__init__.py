"""The whole evaluation: its tasks, the comparison with baselines, several seeds, and the comparison
of encoders.
"""
