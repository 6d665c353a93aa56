"""Words and forms that distinguish the names in a file: genes, samples, annotations of either,
summaries, missing values.
"""

import re

GENE_IDS = re.compile(
    r"""  ENS[A-Z]{0,6}[GTP]\d{6,}(\.\d+)?(_PAR_Y)?([|_].+)?      # Ensembl, also with a symbol behind it
        | [?A-Za-z][\w.@-]*\|\d+ | [\w.@-]+\ \((\d+|ENSG\d+|&)\)  # TP53|7157 (Firehose), TP53 (7157) (DepMap)
        | [NX][MRP]_\d{5,}(\.\d+)? | HGNC:\d+ | MGI:\d+ | ZDB-GENE-\d+-\d+
        | (\d{3,}|ENS[A-Z]*G\d+|[NX][MR]_\d+|[\w.-]+)(_[abcdfgirsx]){0,2}_at | AFFX-\S+ | TC\d{8,}\.(hg|mm|rn)\.\d
        | ILMN_\d{4,} | A_\d\d_P\w+ | cg\d{8} | rs\d{4,}
        | [a-z]{3,4}-(mir|miR|let|miR-let)-\S+ | MIMAT\d+ | (sp|tr)\|\w+\|\w+ | [OPQ]\d[A-Z0-9]{3}\d(-\d+)?
        | A[Tt][1-5MC][Gg]\d{5}(\.\d+)? | FB(gn|tr)\d{7} | WBGene\d{8} | Y[A-P][LR]\d{3}[WC](-[A-Z])? | LOC_Os\d\dg\d{5}(\.\d+)?
        | Os\d\d[gt]\d{7} | Zm\d{5}\w+ | TRINITY_\S+ | (XLOC|TCONS)_\d+ | (MSTRG|STRG)\.\d+(\.\d+)?
        | (GENE|[Gg]ene|SIM|[Pp]robe|[Pp]robeset|[Tt]ranscript)[ _.-]?\d+ """,  # noqa: E501
    re.VERBOSE,
)
"""Identifiers that only genes, transcripts and probes have."""

SYMBOLS = re.compile(
    r"""  [A-Z][A-Z0-9]{1,11}((-|\.|@|/)[A-Z0-9]{1,8}){0,2} | C[0-9XY]{1,2}orf\d+ | [A-Z]{2}\d{6}\.\d+ | (RP|CT)[A-Z0-9]*-\d+[A-Z]+\d+\.\d+
        | [A-Z][a-z][a-z0-9]{1,8}(-?[a-z0-9]{1,4}){0,2} | \d{7}[A-Z]\d\dRik | Gm\d{2,}
        | [a-z]{3,4}-\d+(\.\d+)? | [A-Z]{2,6}\d*[a-z]?\d* """,  # noqa: E501
    re.VERBOSE,
)
"""Form of symbols of human, mouse, rat and worm; names of cell lines have it, too."""

FAMILIES = re.compile(
    r"(RP[LS]|MRP[LS]|RPL[A-Z]|PSM[A-G]|CD|IL|CXC[LR]|CC[LR]|KRT|ZNF|ZFP|TMEM|CCDC|FAM|NDUF[A-CSV]|ATP\d|COX|HIST\d|H[1-4][A-Z]|"
    r"MIR|LINC|SNOR[AD]|UGT\d|CYP|ABC[A-G]|USP|UBE2|EIF\d|POLR|MAPK|MAP\dK|TNF|TGFB|WNT|FZD|HOX[A-D]|SOX|FOX[A-R]|GATA|STAT|SMAD|NOTCH|"
    r"DNAJ[ABC]|HSP[ABD]|TUB[AB]|ADAM|MMP|TIMP|CASP|BCL|CDK|CCN[A-Z]|MCM|E2F|KIF|DUSP|PTPN|PTPR|GPR|OR\d|TRIM|RAB|RHO|ARHG|RNF|KCN|CACN|"
    r"SCN|GRI[AKN]|GABR|HTR|CHRN|SERPIN[A-I]|LRRC|ANKRD|TTC|WDR|ZC3H|KLH?L|PCDH|CDH|ITG[ABLMX]|LAM[ABC]|NUP|SNX|VPS|SEC|EXOSC|MED|TAF)"
    r"\d+[A-Z]*\d*[A-Z]?|SLC\d+A\d+|COL\d+A\d|HLA-\w+|MT-\w+|C\d+orf\d+|(KIAA|LOC)\d+",
    re.IGNORECASE,
)
"""Families of genes whose members make up a fifth of a transcriptome, and after which no cell line
is named."""

KNOWN_TEXT = """
ACTB GAPDH TP53 MYC EGFR ERBB2 ESR1 PGR AR KRAS NRAS BRAF PIK3CA PTEN RB1 CDKN2A BRCA1 BRCA2 ATM VHL APC MKI67 TOP2A BIRC5 AURKA
PCNA VEGFA KDR FLT1 PDGFRA KIT MET ALK RET ROS1 FGFR1 FGFR2 FGFR3 IGF1 IGF1R INS ALB APOE APOA1 TTN VIM EPCAM FN1 DCN LUM POSTN
SPARC ACTA2 PECAM1 VWF PTPRC MS4A1 LYZ GZMA GZMB PRF1 NKG7 FOXP3 CTLA4 PDCD1 LAG3 IFNG TNF STAT1 IRF1 JUN FOS EGR1 HIF1A NFKB1
RELA MTOR AKT1 AKT2 MDM2 XIST RPS4Y1 DDX3Y TFF1 TFF3 AGR2 AGR3 FOXA1 GATA3 MLPH SFRP1 FOXC1 MIA NAT1 GRB7 UBE2C RRM2 CENPF CEP55
TYMS MLANA PMEL TYR MITF NPM1 DNMT3A IDH1 IDH2 FLT3 RUNX1 TET2 ASXL1 JAK2 NF1 NF2 SMARCA4 ARID1A KMT2C KMT2D CTNNB1 TERT GUSB
HPRT1 TBP B2M PPIA TFRC UBC YWHAZ SDHA HMBS PGK1 LDHA ENO1 PKM TPI1 TSPAN6 TNMD DPM1 SCYL3 C1orf112 FGR CFH FUCA2 GCLC NFYA STPG1
NIPAL3 LAS1L ENPP4 SEMA3F CFTR ANKIB1 A1BG A1CF A2M A2ML1 A4GALT AAAS AACS AAMP AARS1 AASDH ABAT DDX11L1 WASH7P OR4F5 SAMD11 NOC2L
KLHL17 PLEKHN1 PERM1 HES4 ISG15 AGRN
"""  # noqa: E501
KNOWN = frozenset(KNOWN_TEXT.split())
"""Genes that nearly every platform measures."""

SAMPLE_IDS = re.compile(
    r"""  TCGA[-.]\w\w[-.]\w{4}.* | TARGET[-.]\d\d[-.].* | GTEX[-.].* | K-562 | C3[LN][-.]\d{5}.* | ACH-\d{6} | SIDM\d+ | HTA\d+_.*
        | GS[MC]\d{3,}.* | [SED]R[RSX]\d{5,}.* | SAM(N|EA|D)\d+ | EGA[NR]\d+ | (HG|NA)\d{5} | PD\d{4,}[a-z]\w*
        | ([\w.-]+[_.#:-])?[ACGTN]{10,}([-_.:#]\w+)? | [0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12} | .+\.(bam|sam|cel|fastq|fq|htseq)(\.gz)?
        | ([Ss]ample|[Pp]atient|[Ss]ubject|[Dd]onor|[Ii]ndividual|[Tt]umou?r|[Nn]ormal|[Cc]ontrol|[Cc]trl|[Cc]ase|[Cc]ell|[Mm]ouse|[Bb]iopsy
          |SAMPLE|PATIENT|SUBJECT|DONOR|CONTRAST|CELL|SIM-?S|[Cc]ontrast|[Tt]reated|[Uu]ntreated|WT|KO|[Rr]ep|[Rr]eplicate|[Pp]t|[Ll]ib(rary)?)
          [ _.-]?\w{0,3}[ _.-]?\d+.* """,  # noqa: E501
    re.VERBOSE | re.IGNORECASE,
)
"""Identifiers that only samples, patients, runs and cells have."""

GENERIC_SAMPLES = re.compile(
    r"[SPTNXDV]\d{1,5}[A-Za-z]?|[A-Za-z]{1,12}[_.-](\d{1,3}|[A-D]|rep\d)|\d+[A-Za-z]?",
    re.IGNORECASE,
)

GENE_TITLES = re.compile(
    r"gene|genes|symbols?|hugo_?symbol|(gene|ensembl|entrez|probe|transcript|feature|hgnc|refseq)[ _.]?(set)?[ "  # noqa: E501
    r"_.]?(ids?|names?|symbols?|version)|"
    r"(gene|target|transcript|probe)[ _.]?(short_?name|ids?|name|symbol)|ensembl|entrez.*|probe(set|s)?|id_ref|geneid|symbol_id|"  # noqa: E501
    r"gen|hgnc|locus_?tag|composite element ref|hybridization ref|gene.*symbol|.*gene_id|mirna.*|transcripts?|name_of_gene",  # noqa: E501
    re.IGNORECASE,
)
SAMPLE_TITLES = re.compile(
    r"samples?|(sample|patient|subject|case|donor|cell|run|barcode|aliquot|participant|individual|model|depmap|profile)[ _.]?"  # noqa: E501
    r"(ids?|names?|barcodes?|line|lines|accession|uuid|s)?|barcodes?|cell_?lines?|patients?|contrasts?|accession|.*barcode|.*sample.*id|ccle_name|tumou?r",
    re.IGNORECASE,
)
SAMPLE_NAMES = re.compile(
    r"samples?(_?(ids?|names?|barcodes?|accession|code|key))?|barcodes?|aliquot(_.*)?|geo_accession|.*_sample_(id|name)|run"
)
"""Headings of names of samples, and not of patients or groups, in the form of
:func:`normal_title`."""
ID_TITLES = re.compile(
    r"|unnamed: ?\d+(\.\d+)*|id|ids|name|names|index|row_?names?|x|v1|\.\.\.1|key|level_0|accession|identifier",  # noqa: E501
    re.IGNORECASE,
)
ROW_NUMBER_TITLES = re.compile(
    r"|unnamed: ?\d+(\.\d+)*|index|x|v1|\.\.\.1|row(_?(number|nr|no|id|index))?|no|nr|n|level_0|#|__index_level_\d__",  # noqa: E501
    re.IGNORECASE,
)

OUTCOMES = r"os|pfs|dfs|dss|pfi|dfi|rfs|dmfs|survival|overall_survival"
FURTHER = r"efs|mfs|css|bcr|lfs|ttp|disease_free|progression_free|follow_?up|death|relapse|recurrence|last_contact"  # noqa: E501
"""Outcomes; those of the second line are endpoints only with a further word, since EFS and BCR are
genes, too."""
SAMPLE_COLUMNS = re.compile(
    rf"""
        age|sex|gender|race|ethnicity|ancestry|stage|grade|labels?|class(es)?|target|types?|subtypes?|groups?|batch(es)?
        |plates?|sites?|cent(re|er)s?|tissues?|organs?|disease|diagnosis|histology|condition|treatment|therapy|arm|drug|dose
        |response|responder|status|outcome|phenotype|cohort|study|dataset|data_set|project|platform|series|events?|time|times
        |survival|censor(ed|ing)?|vital|dead|alive|deceased|bmi|msi|tmb|purity|ploidy|rin|weight|height|smoker|smoking.*
        |alcohol.*|menopaus.*|parity|cell_?types?|cell_?lines?|clusters?|louvain|leiden|seurat_clusters|orig_ident
        |n_?counts?(_rna)?|n_?features?_rna|n_?genes(_by_counts)?|total_counts.*|pct_counts.*|percent_?(mito?|mt|ribo)
        |size_?factors?|doublet_scores?|library_?size|lib_?size|sequencing_.*|y|patients?|subjects?|donors?|individuals?
        |barcodes?|samples?|{OUTCOMES}
        |({OUTCOMES}|{FURTHER})_?(time|days?|months?|mo|years?|yrs?|event|status|censor(ed)?|ind(icator)?)
        |(days|months|years|weeks|time)_?(to|since|of|at|from|until)_.*|(time|days|months|years)|age_.*|.*_age|pam50.*
        |(er|pr|her2|ki67)(_status|_ihc.*|_percent.*)?|(is|has|history_of|date_of|year_of|number_of)_.*
        |(type|subtype|class|label|group|batch|tissue|stage|grade|sex|gender|cluster|diagnosis)_.+
        |.+_([numk]?g|[mnu]?mol|i?u)_[dm]?l|(umap|tsne|t_sne|pc)_\d
        |.+_(status|stage|grade|type|subtype|group|label|class|time|days|months|years|event|age|date|score
        |percent|batch|cohort|barcode|site|diagnosis|histology|therapy|treatment|response|volume|size|code|flag|outcome|survival|gender|sex|race)
        |(sample|patient|subject|donor|case|participant|individual|aliquot|bcr|cell|library|run|model)
         _(ids?|names?|barcodes?|uuid|number|key|nr|no|index) """,
    re.VERBOSE,
)
"""Names of annotations of samples, lower case, words joined by ``_``."""

GENE_COLUMNS = re.compile(
    r"""
        chr(om|omosome)?s?(_name)?|seqnames?|seqid|start(_position)?|end(_position)?|stop|strand
        |(gene_?|transcript_?|effective_?|eff_?|exon_?|mean_?)?lengths?|width|entrez.*|hugo_?symbol
        |gene_?(names?|symbols?|ids?|types?|biotypes?|titles?|descriptions?|short_names?|version|length|status|source|chr|start|end|strand)
        |symbols?|biotypes?|descriptions?|definition|probe_?(ids?|set|set_?ids?|names?)?
        |transcripts?(_ids?|_cluster_id|_types?)?(_?s)?|ensembl.*|refseq.*|unigene.*|gb_acc|accession|nb_?exons?
        |exon_?(count|number)|cyto_?band|band|map_location|feature_?(types?|ids?|names?)|gene_assignment|mrna_assignment
        |locus|loc|location|hgnc.*|mgi.*|uniprot.*|composite_element_ref|locus_?link|locus_?id|id_ref|spot_?id|gc_?content
        |percent_?gc|array_address_id|ilmn_gene|refgene|go_terms?|kegg.*|protein_?ids?|orf|alias(es)?|synonyms?|phase|score
        |genome|class_code|highly_variable.*|adj_?p(_?val(ue)?)?|p_?val(ue)?s?|p_?adj|q_?val(ue)?s?|fdr
        |log_?2?_?(fc|fold_?change)|fold_?change|ave_?expr|base_?mean|lfc_?se|dispersions?(_norm)?|mean_counts
        |n_cells(_by_counts)?|vst_.* """,
    re.VERBOSE,
)
"""Names of annotations of genes, lower case, words joined by ``_``."""

FLY_SYMBOLS = re.compile(r"[a-z]{1,5}\d{0,3}[A-Z]?")

PREFIXES = "log2|pam50|her2|ki67|smoking|alcohol|menopaus|entrez|ensembl|refseq|unigene|hgnc|mgi|uniprot|kegg"  # noqa: E501
ORDINARY = re.compile(rf"(?!(?i:{PREFIXES}))[A-Za-z]+\d[A-Za-z0-9]*")
"""Names of letters and digits alone, such as most symbols and ids of genes; no annotation, summary,
date or empty name has this form."""

SUMMARIES = re.compile(
    r"__\w+|N_(unmapped|multimapping|noFeature|ambiguous)|(no_feature|ambiguous|too_low_aqual|not_aligned|alignment_not_unique)|Unassigned_\w+|Assigned|"
    r"(grand[ "
    r"_]?)?totals?|sum|sums|mean|average|avg|median|std|sd|stdev|count_?sum|column_?(sum|total)s?|row_?(sum|total)s?|total_(reads|counts?)|"
    r"library_?size|lib_?size|unmapped(_reads)?|summe|gesamt|somme|\*|(mean|average|avg|median|stdev)[ _.]\w+",  # noqa: E501
    re.IGNORECASE,
)
"""Names of rows or columns that sum up others."""

MISSING_WORDS = frozenset(
    [
        *(
            "",
            "na",
            "n/a",
            "n.a.",
            "#n/a",
            "#na",
            "#n/a n/a",
            "<na>",
            "nan",
            "-nan",
            "-1.#ind",
            "1.#qnan",
            "none reported",
            "null",
            "nil",
        ),
        *(
            "#value!",
            "#ref!",
            "#div/0!",
            "#num!",
            "#name?",
            "#null!",
            ".",
            "-",
            "--",
            "---",
            "'--",
            "?",
            "??",
            "nd",
            "n.d.",
            "na.",
            "missing",
        ),
        *(
            "not available",
            "not applicable",
            "not evaluated",
            "not reported",
            "not recorded",
            "not determined",
            "not assessed",
            "not known",
        ),
        *(
            "not collected",
            "not done",
            "not provided",
            "not specified",
            "not stated",
            "unknown",
            "unk",
            "unavailable",
            "undetermined",
        ),
        *(
            "[not available]",
            "[not applicable]",
            "[not evaluated]",
            "[not reported]",
            "[unknown]",
            "[discrepancy]",
            "[pending]",
            "[unavailable]",
        ),
        *(
            "unknown/not reported",
            "not reported/unknown",
            "(unknown)",
            "no data",
            "data not available",
            "not allowed to collect",
        ),
    ]
)
"""Words for a missing value in clinical tables, lower case. ``None`` is not among them: it may be a
treatment."""
