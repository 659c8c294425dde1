"""Words that stand in file names and are not wells: cell lines, channels, neutral folders.

The lists only rule readings out or say why a name is ambiguous; no name is read by a cell line.
"""

from __future__ import annotations

import re
from functools import lru_cache

_LINES = """
22RV1 3T3 4T1 5637 786O A172 A2058 A2780 A375 A431 A498 A549 A673 ACHN ASPC1 B16BL6 B16F0
B16F1 B16F10 BT20 BT474 BT549 BXPC3 C2C12 C33A CACO2 CAKI1 CAL27 CALU3 CALU6 CAOV3 CAPAN1
CAPAN2 CFPAC1 COLO205 COLO320 COLO357 CT26 D283 D341 D425 DAOY DLD1 DU145 EMT6 ES2 FADU G361
GBM58 GBM63 GL261 H1299 H1650 H1703 H1975 H2122 H2228 H3122 H358 H441 H446 H460 H520 H522
H526 H838 HCC1143 HCC1806 HCC1937 HCC38 HCC70 HCC827 HCT116 HCT15 HCT8 HEK293 HEK293T
HELA HEP3B HEPG2 HL60 HPAC HPAFII HS578T HS766T HT1080 HT29 HUH7 IGROV1 JURKAT K562 KATOIII
KP4 KPC KURAMOCHI LLC LN18 LN229 LNCAP LOVO LS174T M059K MC38 MCF10A MCF7 MDAMB231
MDAMB436 MDAMB453 MDAMB468 MELJUSO MEWO MG63 MIAPACA2 MKN45 NCIH1299 NCIH460 NIH3T3
OVCAR3 OVCAR4 OVCAR5 OVCAR8 PANC02 PANC1 PATU8902 PATU8988T PC3 PC9 PSN1 RAW264 RKO RT112 RT4
SAOS2 SCC25 SHSY5Y SKBR3 SKES1 SKMEL28 SKMEL5 SKNAS SKNBE2 SKOV3 SUIT2 SUM149 SUM159 SW1990
SW480 SW620 T24 T3M4 T47D T84 T98G TC71 TFK1 U118 U118MG U138 U2OS U251 U251MG U266 U373 U87
U87MG UMUC3 WM115 WM266 WM793
"""

WELL_LIKE_LINES: dict[str, str] = {
    "B16": "the melanoma line B16",
    "H9": "the cell line H9",
}
"""Cell lines so common that their name alone is no proof of a well."""

PLAIN_LINES: dict[str, str] = {
    "C6": "the glioma line C6",
    "D17": "the osteosarcoma line D17",
    "E14": "the stem-cell line E14",
    "F9": "the carcinoma line F9",
    "H1": "the stem-cell line H1",
    "H4": "the glioma line H4",
    "H7": "the stem-cell line H7",
    "J1": "the stem-cell line J1",
    "L6": "the myoblast line L6",
    "P19": "the carcinoma line P19",
}
"""Cell lines that explain a well-like word only where another word can be the well."""

KNOWN_LINES: frozenset[str] = frozenset(_LINES.split())
"""Cell lines of spheroid work, upper case, without separators."""

CHANNEL = (
    r"bright[ _-]?field|dark[ _-]?field|phase(?:[ _-]?contrast)?|ph|bf|tl|trans(?:mitted)?|dic"
    r"|red|green|blue|nir|orange|e?gfp|rfp|yfp|cfp|bfp|m?cherry|tdtomato|dapi|hoechst|fitc|tritc"
    r"|cy[357]|texas[ _-]?red|alexa(?:[ _-]?[0-9]{3})?|calcein(?:[ _-]?am)?|pi|ethd(?:-?1)?"
    r"|casp(?:ase)?(?:[ _-]?3[ _-]?7)?|draq[57]|sytox|annexin(?:[ _-]?v)?|merged?|composite"
)
"""Words that name a channel, as a regular expression without groups."""

PLATE_NAMES = (
    "plate plates platte plaque placa plaat piastra plat plade platta levy płytka płyta plytka "
    "deska пластина планшет 板 プレート 플레이트 vessel vid dish schale boîte boite petri"
)
"""Words for what holds the wells, in the languages of labs."""

WELL_NAMES = "well puits pozo pocillo pozzetto poço kavität näpfchen kuyu dołek лунка ウェル 孔"
"""Words for a well, before its name or behind it."""

ROW_NAMES = "row zeile reihe fila ligne rangée riga linha rij"
COLUMN_NAMES = "column col spalte columna colonne colonna coluna kolom"
"""Words for the rows and columns of a plate."""

NEUTRAL_FOLDERS: frozenset[str] = frozenset({"images", "image", "essenfiles", "scandata"})
"""Folders in which instruments put their images: not plates."""

_CHANNEL_WORD = re.compile(rf"(?:{CHANNEL}|w[0-9]|ch(?:annel)?[ _-]?[0-9]{{1,2}})", re.IGNORECASE)
_JOINTS = str.maketrans("", "", " _-")


def is_channel(text: str) -> bool:
    """Whether a word is the name of a channel."""
    return _CHANNEL_WORD.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def is_known_line(text: str) -> bool:
    """Whether a word is a cell line that can't be a well."""
    return text.translate(_JOINTS).upper() in KNOWN_LINES
