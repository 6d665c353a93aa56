"""From expression and groups to log2 fold changes: moderated t statistics, over-represented gene
sets, a cohort of contrasts.
"""

from genexp.contrasts.compendium import build_compendium
from genexp.contrasts.writer import Compendium

__all__ = ["Compendium", "build_compendium"]
