"""Small files that are mutated, and what they hold then."""
