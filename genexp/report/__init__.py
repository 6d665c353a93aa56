"""The report of an evaluation: figures, sections and the page."""
