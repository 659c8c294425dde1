"""The words that people write into tables, and what they mean: headings, roles, nothing at all.

The one place where a synonym is added; `match_headings`, `control_roles` and `parse_cells` read
by these. Words of languages stand without accents, as `folded` brings them.
"""

from __future__ import annotations

import unicodedata


def folded(text: str) -> str:
    """Give a text as words are compared: without case, and without accents."""
    plain = text.casefold()
    if plain.isascii():
        return plain
    apart = unicodedata.normalize("NFKD", plain)
    return "".join(mark for mark in apart if not unicodedata.combining(mark))


# Kinds of columns; words in lower case, without punctuation and accents.
HEADING_WORDS = {
    "well": "well|wells|well id|wellid|well position|well pos|position|pos|well name|wellname|"
    "well label|well no|well number|well coordinate|well coordinates|coordinate|destination well|"
    "dest well|dispensed well|destination well name|target well|well address|kavitat|"
    "vertiefung|napfchen|pert well|det well|pozo|pocillo|puits|pozzetto|poco",
    "row": "row|well row|plate row|row name|row number|row letter|dispensed row|zeile|reihe|"
    "fila|rangee|ligne|riga|linha|rij",
    "column": "column|col|well column|well col|plate column|column number|dispensed col|"
    "dispensed column|spalte|columna|colonne|colonna|coluna|kolom",
    "plate": "plate|plate id|plateid|plate name|plate no|plate number|plate barcode|barcode|"
    "vessel|vessel id|destination plate name|destination plate barcode|destination plate|"
    "dest plate|pert plate|det plate|plate map name|assay plate barcode|upid|platte|"
    "placa|plaque|boite|piastra|plaat",
    "drug": "drug|drugs|compound|compounds|treatment|treatments|agent|agents|drug name|"
    "compound name|treatment name|agent name|substance|inhibitor|drug id|compound id|cmpd|"
    "fluid|fluid name|broad sample|pert iname|pert name|molecule|reagent|reagent name|sample name|"
    "wirkstoff|substanz|medikament|behandlung|therapie|farmaco|droga|compuesto|tratamiento|"
    "medicamento|compose|traitement|medicament|molecule|produit|composto|trattamento|tratamento|"
    "stof|middel|behandeling",
    "dose": "dose|conc|concentration|dosage|doses|concentrations|final conc|final concentration|"
    "final dose|nominal concentration|drug concentration|drug conc|drug dose|compound conc|"
    "compound concentration|compound dose|treatment concentration|treatment conc|treatment dose|"
    "agent concentration|agent dose|inhibitor concentration|dispensed concentration|"
    "dispensed conc|destination concentration|dest conc|pert dose|dosis|konzentration|konz|"
    "concentracion|concentrazione|concentracao|concentratie|dosi",
    "unit": "unit|units|dose unit|dose units|conc unit|conc units|concentration unit|"
    "concentration units|drug unit|drug units|unit of dose|conc units|dispensed conc unit|"
    "destination concentration unit|destination concentration units|pert dose unit|"
    "compound conc unit|compound concentration unit|concunits|concunit|einheit|"
    "unidad|unidades|unite|unites|unita|unidade|eenheid",
    "role": "role|well role|well type|welltype|sample type|control type|pert type|rolle|rol|ruolo",
    "control": "control|is control|ctrl|controls|kontrolle",
    "control_name": "control name|vehicle name",
    "cell_line": "cell line|cellline|cell lines|line|cell type|celltype|cell model|cell line name|"
    "cellline name|cell line id|cell name|cell id|ccle name|"
    "zelllinie|zellinie|linea celular|lignee|lignee cellulaire|linea cellulare|linhagem|"
    "linhagem celular|cellijn",
    "vehicle_group": "vehicle group|vehicle|solvent|solvent group|control group",
    "dosed_at_h": "dosed at|dose time|dosing time|time of dose|time of dosing|dosed|"
    "time of treatment|treated at|time of addition|drug added at",
    "washout_at_h": "washout at|washout|washout time|wash out|wash out at|washed out at|"
    "time of washout",
    "cells_seeded": "cells seeded|cells per well|cells well|seeded cells|seeding density|"
    "cell number|number of cells|cell count|n cells|seeding number|seeded",
    "biological_replicate": "biological replicate|bio replicate|biological rep|bio rep|biorep|"
    "biological repeat|biol replicate|biol rep",
    "replicate": "replicate|rep|technical replicate|tech replicate|technical rep|tech rep|"
    "replicates|repeat|replikat|replica|replicat|replicato|repeticion|repetition|ripetizione",
    "passage": "passage|passage no|passage number|passage nr|passage num",
    "molar_mass_g_mol": "molar mass|molecular weight|mol weight|mw|molar weight|molecular mass|"
    "mol mass|molmass|molmasse|molekulargewicht",
    "index": "index|treatment index|treatment id|treatment no|treatment number",
    "time_h": "time|timepoint|time point|hpt|hpi|week|weeks|hours post dose|"
    "elapsed|elapsed time|hours|hour|hr|hrs|h|day|days|minutes|"
    "seconds|incubation time|incubation|exposure time|exposure|time after treatment|"
    "time after dosing|time post treatment|time since treatment|time since dose|"
    "hours post treatment|hours after treatment|days post treatment|days after treatment|"
    "treatment duration|duration|pert time|zeit|zeitpunkt|stunden|tage|tag|"
    "tiempo|temps|tempo|tijd|hora|horas|heure|heures|ore|uur|dia|dias|jour|jours|giorno|giorni|"
    "dag|dagen",
    "date": "date time|datetime|timestamp|time stamp|acquisition time|"
    "scan time|read time|datum uhrzeit",
    "block": "block|block id|blockid|pair index|matrix|matrix id",
    # Named often, and not always a factor of the design: a part of the condition where rows of
    # one treatment differ in it, else one more label.
    "factor": "patient|patient id|donor|donor id|subject|subject id|perturbation|condition|"
    "conditions|genotype|clone|organoid|organoid line|organoid id|pdo|pdo id|pdx|pdx id|"
    "growth condition|growthcondition|culture condition|culture conditions|oxygen|hypoxia|"
    "tumour|tumor|tumour id|tumor id|tissue|tissue name|study|study name|mouse|mouse id|animal|"
    "animal id|strain|sirna|shrna|guide|knockdown|pretreatment|pre treatment|patientin|spender",
    # Remarks and results of others: nothing that a row is about.
    "remark": "note|notes|comment|comments|remark|remarks|flag|flags|state|file|file name|"
    "filename|image|image name|path|id|uid|row id|record id|colour|color|"
    "analysis job|bemerkung|kommentar",
    # Columns of which somebody says that they are not to be used: `ignore batch`.
    "ignored": "ignore|ignored",
    "stratum": "irradiation|radiation|irradiation dose|radiation dose|irradiation dosage|"
    "radiation dosage|stratum|strata",
}
HEADING_KINDS = {
    folded(words): kind for kind, synonyms in HEADING_WORDS.items() for words in synonyms.split("|")
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
    "conc row unit": ("unit", "1"),
    "conc col unit": ("unit", "2"),
    "drug row name": ("drug", "1"),
    "drug col name": ("drug", "2"),
    "unit row": ("unit", "1"),
    "unit col": ("unit", "2"),
}
# Headings that are the unit of a dose, in the annotations of public screens.
DOSE_HEADINGS = {"mmoles per liter": "mM", "mmoles per liter 2": "mM", "mg per ml": "mg/ml"}

# Units of times, one of each in hours. `m` may be a month and `M` a dose: neither is read.
HOURS_IN = {
    "h": 1.0, "hr": 1.0, "hrs": 1.0, "hour": 1.0, "hours": 1.0, "std": 1.0, "stunde": 1.0,
    "stunden": 1.0, "min": 1 / 60, "mins": 1 / 60, "minute": 1 / 60, "minutes": 1 / 60,
    "minuten": 1 / 60, "s": 1 / 3600, "sec": 1 / 3600, "secs": 1 / 3600, "second": 1 / 3600,
    "seconds": 1 / 3600, "sekunden": 1 / 3600, "d": 24.0, "day": 24.0, "days": 24.0, "tag": 24.0,
    "tage": 24.0, "hora": 1.0, "horas": 1.0, "heure": 1.0, "heures": 1.0, "ore": 1.0, "uur": 1.0,
    "dia": 24.0, "dias": 24.0, "jour": 24.0, "jours": 24.0, "giorno": 24.0, "giorni": 24.0,
    "dag": 24.0, "dagen": 24.0, "wk": 168.0, "week": 168.0, "weeks": 168.0,
}  # fmt: skip
RESPONSE_MEANINGS = {
    "fa": "fa", "fraction_affected": "fa", "viability": "viability", "cell_viability": "viability",
    "relative_viability": "viability", "normalized_viability": "viability",
    "normalised_viability": "viability", "survival": "viability", "cell_survival": "viability",
    "inhibition": "inhibition", "growth_inhibition": "inhibition", "cell_death": "inhibition",
    "cytotoxicity": "inhibition", "viabilitat": "viability", "zellviabilitat": "viability",
    "vitalitat": "viability", "viabilidad": "viability", "viabilidade": "viability",
    "viabilite": "viability", "viabilita": "viability", "vitalita": "viability",
    "levensvatbaarheid": "viability", "supervivencia": "viability", "survie": "viability",
    "sopravvivenza": "viability", "inhibicion": "inhibition", "inibizione": "inhibition",
    "inibicao": "inhibition", "remming": "inhibition", "hemmung": "inhibition",
    "inhibierung": "inhibition",
}  # fmt: skip
RESPONSE_UNITS = {
    "percent": "percent", "pct": "percent", "%": "percent", "fraction": "fraction",
}  # fmt: skip

# Headings that are roles of wells only where the cells say so.
ROLE_LIKE = frozenset(
    {"type", "category", "class", "group", "content", "contents", "kind", "well content", "status"}
    | {"annotation", "treatment type", "compound type", "drug type", "sample", "condition"}
)
# Roles of wells.
ROLE_WORDS = {
    "vehicle": "vehicle|vehicle control|negative|negative control|neg|neg control|neg ctrl|nc|"
    "untreated|untreated control|no treatment|no drug|dmso|dmso control|solvent|solvent control|"
    "mock|control|ctrl|ctl|cntrl|saline|pbs|ut|nt|unt|untr|untrt|media|medium|media control|"
    "medium control|veh|veh control|veh ctrl|vehicle ctrl|untreated cells|cells only|cell control|"
    "cells untreated|cells + medium|medium + cells|media + cells|cells + media|no compound|"
    "compound free|drug free|neutral control|negcon|neg con|negative ctrl|neg ctl|ctl vehicle|"
    "ctl untrt|ctl untreated|"
    "unbehandelt|kontrolle|negativkontrolle|vehiculo|vehicule|veicolo|veiculo|sin tratar|"
    "sin tratamiento|no tratado|non traite|non trattato|nao tratado|onbehandeld|temoin|"
    "control negativo|controle negatif|temoin negatif|controllo negativo|controle negativo|"
    "controle|controllo",
    "positive_control": "positive|positive control|pos|pos control|pos ctrl|pc|positivkontrolle|"
    "kill control|death control|killing control|poscon|pos con|poscon cp|poscon diverse|pos ctl|"
    "positive ctrl|ctl poscon|control positivo|controle positif|temoin positif|"
    "controllo positivo|controle positivo",
    "blank": "blank|empty|empty well|background|no cells|no cell|cell free|cell-free|medium only|"
    "media only|leer|blank control|blanks|blank well|media blank|medium blank|no cell control|"
    "no cells control|background control|cell free control|sterility control|medium without cells|"
    "blanco|blanc|bianco|branco|sin celulas|sans cellules|senza cellule|sem celulas|vacio|vide|"
    "vuoto|"
    "media without cells|medium no cells|media no cells|medium w/o cells|media w/o cells|"
    "medium (no cells)|media (no cells)|empty wells",
    "treated": "treated|treatment|sample|compound|test|drug|experimental|experiment|combination|"
    "combo|trt|trt cp|smpl|behandelt|"
    "tratado|traite|trattato|behandeld",
}
ROLE_OF = {folded(word): role for role, words in ROLE_WORDS.items() for word in words.split("|")}
# Words that say only what the role says anyway, and so are no name of a control.
_NAMELESS = (
    "vehicle|vehicle control|negative|negative control|neg|neg control|neg ctrl|nc|control|"
    "ctrl|no drug|no treatment|nt|ut|kontrolle|negativkontrolle|controle|controllo|temoin|"
    "positive|positive control|pos|"
    "pos control|pos ctrl|pc|positivkontrolle|blank|blank control|empty|empty well|leer|veh|"
    "veh control|veh ctrl|vehicle ctrl|ctl|cntrl|negcon|neg con|negative ctrl|neg ctl|"
    "neutral control|ctl vehicle|poscon|pos con|poscon cp|poscon diverse|pos ctl|"
    "positive ctrl|ctl poscon|blanks|blank well|empty wells|no compound|drug free|compound free"
)
NAMELESS_CONTROLS = frozenset(_NAMELESS.split("|"))
AMBIGUOUS_MEDIUM = frozenset({"media", "medium", "media control", "medium control"})
# Solvents that may also be given as a drug (ethanol, salt): a control only without a dose.
# The names of solvents, and the words that may stand beside one in the name of a control.
SOLVENT_NAMES = frozenset(
    [
        "dmso",
        "dmf",
        "etoh",
        "ethanol",
        "meoh",
        "methanol",
        "pbs",
        "dpbs",
        "saline",
        "nacl",
        "water",
        "h2o",
        "wasser",
    ]
)
LONG_SOLVENTS = {
    r"dimethyl[ -]?sul(?:f|ph)oxide?": "dmso",
    r"dimethyl[ -]?formamide?": "dmf",
    r"me2so": "dmso",
}
BESIDE_SOLVENTS = frozenset(
    [
        "vehicle",
        "veh",
        "control",
        "ctrl",
        "ctl",
        "cntrl",
        "kontrolle",
        "solvent",
        "only",
        "normalization",
        "normalisation",
        "normalized",
        "normalised",
        "backfill",
        "matched",
        "negative",
        "neg",
        "final",
        "v/v",
        "%",
        "percent",
        "with",
        "in",
        "cells",
    ]
)
# Lines below a table that sum it up.
SUMMARY_WORDS = frozenset(
    [
        "mean",
        "means",
        "average",
        "avg",
        "avg.",
        "median",
        "sd",
        "s.d.",
        "std",
        "std dev",
        "std. dev.",
        "stdev",
        "stdev.",
        "sem",
        "s.e.m.",
        "se",
        "cv",
        "cv%",
        "cv %",
        "cv (%)",
        "% cv",
        "%cv",
        "sum",
        "total",
        "totals",
        "grand total",
        "count",
        "n",
        "min",
        "max",
        "minimum",
        "maximum",
        "range",
        "variance",
        "var",
        "standard deviation",
        "standard error",
        "mean ± sd",
        "mean±sd",
        "mean +/- sd",
        "overall",
        "mittelwert",
        "moyenne",
        "ecart type",
        "ecart-type",
        "promedio",
        "desviacion",
        "desviacion estandar",
        "deviazione standard",
        "desvio padrao",
        "gemiddelde",
        "mittel",
        "stabw",
        "stdabw",
        "standardabweichung",
        "summe",
        "gesamt",
        "anzahl",
        "ic50",
        "ec50",
        "gi50",
        "ld50",
        "log ic50",
        "log ec50",
        "logic50",
        "logec50",
        "hill",
        "hill slope",
        "hillslope",
        "r2",
        "r\u00b2",
        "r^2",
        "r squared",
        "r-squared",
        "auc",
        "emax",
        "p value",
        "p-value",
        "z'",
        "z prime",
    ]
)
SOLVENTS = frozenset({"water", "h2o", "ethanol", "etoh", "methanol", "nacl", "pbs", "saline"})
# Words that count plates, repeats or readings, and so are no name of what is in them.
_COUNTERS = (
    "plate|plates|pl|platte|run|rep|replicate|repeat|bio|tech|biorep|exp|experiment|batch|set|"
    "day|d|n|no|nr|r|p|scan|cycle|read|reading|time|timepoint|tp|t|barcode|bc"
)
COUNTER_WORDS = frozenset(_COUNTERS.split("|"))
# Headings of measurements, of which whole numbers may come back (counts of objects).
_MEASURED = (
    "count|counts|n|num|numbers|objects|spheroids|area|diameter|radius|perimeter|volume|"
    "intensity|signal|rlu|rfu|od|absorbance|luminescence|fluorescence|confluence|score|fraction|"
    "mean|median|sd|sem|std|cv|se|min|max|error|circularity|solidity|roundness|eccentricity|"
    "response|viability|inhibition|survival|dead|live|alive|apoptotic|value|result|reading"
)
MEASURED_WORDS = frozenset(_MEASURED.split("|"))
# Headings of amounts that say something of the dose beside them, and are no further drug's.
_OF_DOSES = "dose|conc|concentration|stock|final|nominal|actual|ic|ec|ki|kd|gi|log|max|cmax"
DOSE_WORDS = frozenset(_OF_DOSES.split("|"))
# Words for what somebody leaves out of an analysis.
_LEFT_OUT = (
    "exclude|excluded|exclusion|ignore|ignored|outlier|outliers|omit|omitted|discard|discarded|"
    "drop|dropped|ausschluss|ausreisser|ausreißer"
)
LEFT_OUT_WORDS = frozenset(_LEFT_OUT.split("|"))
TRUE_WORDS = frozenset({"true", "t", "yes", "y", "ja", "j", "1", "wahr", "x"})
FALSE_WORDS = frozenset({"false", "f", "no", "n", "nein", "0", "falsch"})

# Cells that say that there is nothing, or that nothing was measured.
_MISSING = (
    "-|--|---|\u2013|\u2014|.|..|na|n/a|n.a.|n.a|<na>|nan|none|null|nil|missing|nd|n/d|n.d.|n.d|"
    "-666|"  # the null of LINCS
    "not determined|not done|not measured|not available|not applicable|k.a.|n.b.|n.v.t."
)
MISSING_WORDS = frozenset({"", *_MISSING.split("|")})
