"""The words that people write into tables, and what they mean: headings, roles, nothing at all.

The one place where a synonym is added; `match_headings`, `control_roles` and `parse_cells` read
by these.
"""

from __future__ import annotations

# Kinds of columns; words in lower case, without punctuation.
HEADING_WORDS = {
    "well": "well|wells|well id|wellid|well position|well pos|position|pos|well name|wellname|"
    "well label|well no|well number|well coordinate|well coordinates|coordinate|destination well|"
    "dest well|well address|kavität|vertiefung|näpfchen",
    "row": "row|well row|plate row|row name|row letter|zeile|reihe",
    "column": "column|col|well column|well col|plate column|column number|spalte",
    "plate": "plate|plate id|plateid|plate name|plate no|plate number|plate barcode|barcode|"
    "vessel|vessel id|platte",
    "drug": "drug|drugs|compound|compounds|treatment|treatments|agent|agents|drug name|"
    "compound name|treatment name|agent name|substance|inhibitor|drug id|compound id|cmpd|"
    "wirkstoff|substanz|medikament",
    "dose": "dose|conc|concentration|dosage|doses|concentrations|final conc|final concentration|"
    "final dose|nominal concentration|drug concentration|drug conc|drug dose|compound conc|"
    "compound concentration|compound dose|treatment concentration|treatment conc|treatment dose|"
    "agent concentration|agent dose|inhibitor concentration|dosis|konzentration|konz",
    "unit": "unit|units|dose unit|dose units|conc unit|conc units|concentration unit|"
    "concentration units|drug unit|drug units|unit of dose|einheit",
    "role": "role|well role|well type|welltype|sample type|control type|rolle",
    "control": "control|is control|ctrl|controls|kontrolle",
    "control_name": "control name|vehicle name",
    "cell_line": "cell line|cellline|cell lines|line|cell type|celltype|cell model|"
    "zelllinie|zellinie",
    "vehicle_group": "vehicle group|vehicle|solvent|solvent group|control group",
    "dosed_at_h": "dosed at|dose time|dosing time|time of dose|time of dosing|dosed",
    "washout_at_h": "washout at|washout|washout time|wash out|wash out at|washed out at|"
    "time of washout",
    "cells_seeded": "cells seeded|cells per well|cells well|seeded cells|seeding density|"
    "cell number|number of cells|cell count|n cells|seeding number|seeded",
    "biological_replicate": "biological replicate|bio replicate|biological rep|bio rep|biorep|"
    "biological repeat|biol replicate|biol rep",
    "replicate": "replicate|rep|technical replicate|tech replicate|technical rep|tech rep|"
    "replicates|repeat|replikat",
    "passage": "passage|passage no|passage number|passage nr|passage num",
    "molar_mass_g_mol": "molar mass|molecular weight|mol weight|mw|molar weight|molecular mass|"
    "mol mass|molmass|molmasse|molekulargewicht",
    "index": "index|treatment index|treatment id|treatment no|treatment number",
    "stratum": "irradiation|radiation|irradiation dose|radiation dose|irradiation dosage|"
    "radiation dosage|stratum|strata",
}
HEADING_KINDS = {
    words: kind for kind, synonyms in HEADING_WORDS.items() for words in synonyms.split("|")
}
# Headings of SynergyFinder's tables.
HEADING_PAIRS = {
    "drug row": ("drug", "1"),
    "drug col": ("drug", "2"),
    "conc row": ("dose", "1"),
    "conc col": ("dose", "2"),
    "conc r": ("dose", "1"),
    "conc c": ("dose", "2"),
    "conc r unit": ("unit", "1"),
    "conc c unit": ("unit", "2"),
}

# Headings of times: one of the unit in hours.
TIME_HEADINGS = {
    "time_h": 1.0, "time": 1.0, "time_hours": 1.0, "hours": 1.0, "hour": 1.0, "h": 1.0,
    "elapsed_h": 1.0, "elapsed": 1.0, "elapsed_hours": 1.0, "time_min": 1 / 60, "time_d": 24.0,
    "day": 24.0, "days": 24.0, "time_days": 24.0, "time_day": 24.0,
}  # fmt: skip
# SynergyFinder's blocks are plates, in tables of responses only.
BLOCK_HEADINGS = ("block_id", "block", "blockid")
RESPONSE_MEANINGS = {
    "fa": "fa", "fraction_affected": "fa", "viability": "viability", "cell_viability": "viability",
    "inhibition": "inhibition", "growth_inhibition": "inhibition",
}  # fmt: skip
RESPONSE_UNITS = {
    "percent": "percent", "pct": "percent", "%": "percent", "fraction": "fraction",
}  # fmt: skip

# Roles of wells.
ROLE_WORDS = {
    "vehicle": "vehicle|vehicle control|negative|negative control|neg|neg control|neg ctrl|nc|"
    "untreated|untreated control|no treatment|no drug|dmso|dmso control|solvent|solvent control|"
    "mock|control|ctrl|saline|pbs|ut|nt|media|medium|media control|medium control|"
    "unbehandelt|kontrolle|negativkontrolle",
    "positive_control": "positive|positive control|pos|pos control|pos ctrl|pc|positivkontrolle|"
    "kill control|death control",
    "blank": "blank|empty|empty well|background|no cells|no cell|cell free|cell-free|medium only|"
    "media only|leer|blank control",
    "treated": "treated|treatment|sample|compound|test|drug|experimental|experiment|combination|"
    "combo|behandelt",
}
ROLE_OF = {word: role for role, words in ROLE_WORDS.items() for word in words.split("|")}
# Words that say only what the role says anyway, and so are no name of a control.
_NAMELESS = (
    "vehicle|vehicle control|negative|negative control|neg|neg control|neg ctrl|nc|control|"
    "ctrl|no drug|no treatment|nt|ut|kontrolle|negativkontrolle|positive|positive control|pos|"
    "pos control|pos ctrl|pc|positivkontrolle|blank|blank control|empty|empty well|leer"
)
NAMELESS_CONTROLS = frozenset(_NAMELESS.split("|"))
AMBIGUOUS_MEDIUM = frozenset({"media", "medium", "media control", "medium control"})
# Solvents that may also be given as a drug (ethanol, salt): a control only without a dose.
SOLVENTS = frozenset({"water", "h2o", "ethanol", "etoh", "methanol", "nacl", "pbs", "saline"})
TRUE_WORDS = frozenset({"true", "t", "yes", "y", "ja", "j", "1", "wahr", "x"})
FALSE_WORDS = frozenset({"false", "f", "no", "n", "nein", "0", "falsch"})

# Cells that say that there is nothing, and cells of numbers where nothing was measured.
MISSING_WORDS = frozenset(
    {"", "-", "--", "\u2013", "\u2014", ".", "na", "n/a", "n.a.", "none", "null", "nil", "<na>"}
)
NOT_MEASURED = frozenset({"", "na", "n/a", "nan", "-", ".", "null", "none", "missing"})
