"""Description of a file before reading: facts, questions, likely roles of columns, and warnings."""

from genexp.describe.build import describe_cohort
from genexp.describe.description import Description
from genexp.describe.page import render_description_page
from genexp.describe.text import render_description_text

__all__ = ["Description", "describe_cohort", "render_description_page", "render_description_text"]
