"""The full matrix as the UCSC Xena hub ships it (``TCGA.BRCA.sampleMap/HiSeqV2``): by what it is
recognised, and its column names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from genexp.errors import ConfigError, name_some

N_SAMPLES, N_GENES = 1218, 20530
BARCODE = re.compile(r"TCGA-\w{2}-\w{4}-\d{2}")
MARKERS = ("ESR1", "ERBB2", "GATA3", "TP53", "MKI67")
COLUMNS = {
    "label": ("PAM50Call_RNAseq", "PAM50_mRNA_nature2012", "PAM50", "pam50"),
    "group": ("_PATIENT", "bcr_patient_barcode", "patient_id"),
}
SURVIVAL = (("OS.time", "OS"), ("OS_Time_nature2012", "OS_event_nature2012"), ("_OS", "_OS_IND"))
"""Columns of time (days) and event, as the hub's survival and clinical tables have had them."""


def recognise(sources: Iterable[str], samples: Sequence[str]) -> bool:
    """Check that genes and samples are those of the hub's matrix: its numbers of both, TCGA
    barcodes, and known genes among the names.
    """
    genes = set(sources)
    return (
        len(genes) == N_GENES
        and len(samples) == N_SAMPLES
        and all(map(BARCODE.match, samples))
        and genes.issuperset(MARKERS)
    )


def name_columns(columns: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    """Parameters that name the annotations, from the columns of the hub's clinical table; what the
    user gave goes before.

    Raises
    ------
    ConfigError
        No column says whose the samples are.
    """
    found = {
        name: next((column for column in known if column in columns), "")
        for name, known in COLUMNS.items()
    }
    time, event = next((pair for pair in SURVIVAL if set(pair) <= set(columns)), ("", ""))
    named = {
        name: value
        for name, value in (found | {"time": time, "event": event} | dict(given)).items()
        if value
    }
    if "group" not in named:
        raise ConfigError(
            "this is the Xena matrix of TCGA-BRCA, where some patients have several samples: "
            "obs with one of the columns "
            f"{', '.join(COLUMNS['group'])} was expected, found "
            f"{name_some(columns) if columns else 'no obs'}; "
            "give obs=BRCA_clinicalMatrix, or group="
        )
    return {name: named[name] for name in ("label", "group", "time", "event") if name in named}
