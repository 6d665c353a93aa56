"""The command line: parse, build the settings, open a run where the verb has one, and call the
pipeline.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from genexp import pipeline
from genexp.errors import ConfigError, GenexpError, name_some
from genexp.settings.aliases import former_names
from genexp.settings.groups import list_groups
from genexp.settings.parse import parse_settings
from genexp.settings.section import Section, format_value, read_summary
from genexp.settings.values import list_choices, parameter_fields
from genexp.settings.verbs import (
    VERBS,
    CompareSettings,
    ConvertSettings,
    DescribeSettings,
    MainSettings,
)

if TYPE_CHECKING:
    from genexp.tracking.tracker import MlflowTracker

WITHOUT_RUN = ("describe", "convert", "encode", "compare", "contrasts", "doctor")
WORDS: dict[type[Section], tuple[str, str, str]] = {
    CompareSettings: ("runs", "RUN", "evaluations to compare, as for --runs"),
    ConvertSettings: ("cohort", "FILE", "file or folder to convert, as for --cohort"),
    DescribeSettings: ("cohort", "FILE", "file or folder to describe, as for --cohort"),
}
"""Verbs that take words without a name: the parameter that they stand for, what one is called, and
its meaning."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns 0, 1 where the doctor found something, 2 after an error that the user
    can mend, or 130 after an interrupt.
    """
    try:
        verb, settings = parse_arguments(sys.argv[1:] if arguments is None else arguments)
        _check_outputs(verb, settings)
    except GenexpError as error:
        if os.environ.get("MLFLOW_RUN_ID"):
            from genexp.tracking.runs import fail_run

            fail_run(error)
        return _report(error)
    try:
        with _tracked(verb, settings) as tracker:
            result = VERB_FUNCTIONS[verb](settings, tracker)
    except GenexpError as error:
        return _report(error)
    except KeyboardInterrupt:
        print("genexp: interrupted; the same command goes on where this one stood", file=sys.stderr)
        return 130
    return result if isinstance(result, int) else 0


@contextmanager
def _tracked(verb: str, settings: Any) -> Iterator[Any]:
    """Open the run of a verb; those that only read have none."""
    if verb in WITHOUT_RUN:
        yield None
        return
    from genexp.tracking.running import hold_run
    from genexp.tracking.runs import start_run

    with start_run(verb, settings) as tracker, hold_run(tracker, settings.cache):
        yield tracker


def _report(error: GenexpError) -> int:
    print(error.render(), file=sys.stderr)
    return 2


def _check_outputs(verb: str, settings: Any) -> None:
    from genexp.preflight import check_outputs

    check_outputs(verb, settings)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; see '{self.prog} --help'")


def parse_arguments(arguments: Sequence[str]) -> tuple[str, Any]:
    """Verb and settings; parameters are written ``--n_latent 32`` or ``--n-latent 32``."""
    parser = _Parser(
        prog="python -m genexp",
        description="Track, tune, evaluate and ship gene-expression encoders.",
        allow_abbrev=False,
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB", parser_class=_Parser)
    for verb, kind in VERBS.items():
        words = f" [{WORDS[kind][1]} ...]" if kind in WORDS else ""
        usage = f"%(prog)s{words} [--parameter VALUE ...]"
        own = verbs.add_parser(
            verb,
            usage=usage,
            help=read_summary(kind),
            description=read_summary(kind),
            allow_abbrev=False,
        )
        if kind in WORDS:
            own.add_argument("words", nargs="*", metavar=WORDS[kind][1], help=WORDS[kind][2])
        _add_options(own, kind)
    normal = [
        re.sub(r"^--[^=]+", lambda name: "--" + name[0][2:].replace("-", "_"), argument)
        for argument in arguments
    ]
    known, unknown = parser.parse_known_args(normal)
    values = {
        name: value
        for name, value in vars(known).items()
        if name not in ("verb", "words") and value is not None
    }
    kind = VERBS[known.verb]
    if kind in WORDS:
        is_named = any(argument.startswith("--") for argument in unknown)
        behind = [] if is_named else unknown  # argparse takes no word behind options
        values |= _read_words(kind, [*known.words, *behind], values)
        unknown = unknown if is_named else []
    values |= _read_unknown(unknown)
    return known.verb, parse_settings(kind, values)


def _read_words(kind: type[Section], words: list[str], values: dict[str, Any]) -> dict[str, Any]:
    """Parameter that words without a name stand for."""
    parameter, what, _ = WORDS[kind]
    if not words:
        return {}
    if parameter == "runs":
        return {"runs": words}
    if len(words) > 1 or parameter in values:
        named = [values[parameter]] if parameter in values else []
        raise ConfigError(
            f"expected one {what}, found {name_some([*words, *named])}; name one (and "
            "annotations with --obs)"
        )
    return {parameter: words[0]}


def _add_options(parser: argparse.ArgumentParser, kind: type[Section]) -> None:
    """Add an option for every parameter, grouped by section, and a hidden one for each former
    name.
    """
    for group in list_groups(kind):
        options = parser.add_argument_group(group.title)
        for name in group.names:
            options.add_argument(
                f"--{name}", metavar="VALUE", help=_describe(kind, name), default=None
            )
            for former in former_names(name):
                options.add_argument(f"--{former}", help=argparse.SUPPRESS, default=None)


def _describe(kind: type[Section], name: str) -> str:
    """Meaning of a parameter, its choices and its default, with percent signs as argparse takes
    them.
    """
    field = parameter_fields(kind)[name]
    default = format_value(field.default) if not isinstance(field.default, str) else field.default
    choices = f" {{{', '.join(list_choices(kind, name))}}}" if list_choices(kind, name) else ""
    return f"{field.description}{choices} (default: {default or 'empty'})".replace("%", "%%")


def _read_unknown(unknown: Sequence[str]) -> dict[str, str]:
    """Parameters that argparse does not know, for the config to refuse by name."""
    names = [
        argument.removeprefix("--").split("=")[0]
        for argument in unknown
        if argument.startswith("--")
    ]
    if not names and unknown:
        raise ConfigError(f"expected --parameter value, found '{unknown[0]}'")
    return dict.fromkeys(names, "")


def run_main_or_experiment(settings: MainSettings, tracker: MlflowTracker) -> None:
    """Run the whole way, or a folder of ``experiments/``, which stands beside the package in the
    project and is no part of it.
    """
    if not settings.reproduction.experiment:
        pipeline.run_main(settings, tracker)
        return
    try:
        from experiments.run import run_experiment
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("experiments"):
            raise
        raise ConfigError(
            f"experiment={settings.reproduction.experiment}: a folder experiments/ was "
            "expected beside the package, found none here; "
            "run from the root of the genexp project, or with 'mlflow run'"
        ) from None
    run_experiment(settings, tracker)


VERB_FUNCTIONS: dict[str, Any] = {
    "preprocess": pipeline.run_preprocess,
    "train": pipeline.run_train,
    "tune": pipeline.run_tune,
    "evaluate": pipeline.run_evaluate,
    "main": run_main_or_experiment,
    "describe": pipeline.run_describe,
    "convert": pipeline.run_convert,
    "encode": pipeline.run_encode,
    "compare": pipeline.run_compare,
    "contrasts": pipeline.run_contrasts,
    "doctor": pipeline.run_doctor,
}
