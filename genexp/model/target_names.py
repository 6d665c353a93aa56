"""Names under which targets of samples travel from annotations to losses."""

LABEL, SURVIVAL = "label", "survival"
SUBJECT, POSITION = "sequence/subject", "sequence/position"
"""Subject of a sample and its position among the subject's samples, for heads with a memory. No
column of annotations is likely to have these names."""
