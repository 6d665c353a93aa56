"""Questions asked of genexp, one folder each: how to run it, what came out, what we learnt.

A folder with a ``run.py`` that has ``run(experiment: ExperimentRun) -> None`` is an experiment:
``mlflow run . -e main -P experiment=NAME``.
"""
