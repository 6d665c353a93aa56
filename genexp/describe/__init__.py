"""How a file would be read: what is known, what would be asked, what its columns could be, and what is suspicious."""

from genexp.describe.build import describe_cohort
from genexp.describe.description import Description
from genexp.describe.page import render_page
from genexp.describe.text import render_text

__all__ = ["Description", "describe_cohort", "render_page", "render_text"]
