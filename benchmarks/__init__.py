"""Measurements of genexp beside what a user would pick instead: ``python -m benchmarks [SECTION
...]``.

Everything that is compared runs in the same session, in processes of their own that take turns, so
that a busy neighbour hits all of them alike; a figure is the median over turns. Results go to
``results.json`` and, as tables, to ``RESULTS.md``.
"""
