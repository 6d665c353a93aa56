"""The small version of an experiment, run as a user does."""

from pathlib import Path

from genexp.cli import main


def run_small(name: str, folder: Path, *options: str) -> Path:
    """Run the small version of an experiment as a user does; gives the folder with what it kept."""
    kept = folder / "kept"
    places = [
        "--cache",
        str(folder / "cache"),
        "--keep",
        str(kept),
        "--experiment_name",
        f"experiment {name}",
    ]
    assert main(["main", "--experiment", name, "--size", "small", *places, *options]) == 0
    return kept
