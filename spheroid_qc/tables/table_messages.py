"""What is said of a table while it is read: mistakes that refuse it, warnings and notes."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from spheroid_qc.errors import PlateMapError
from spheroid_qc.tables.located_cells import Cell

_ALIKE = 5
_MAX_SENTENCE = 900


@dataclass
class TableMessages:
    """Finished sentences, gathered so that all mistakes of a table are mended in one go.

    Attributes
    ----------
    notes, warnings : list of str
        What was understood, and what is odd though it can be read.
    maximum : int
        So many mistakes are listed at the most.
    """

    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    maximum: int = 40
    _problems: dict[tuple[str, str], None] = field(default_factory=dict)
    _said: set[str] = field(default_factory=set)

    def problem(self, sentence: str, kind: str = "", once: str = "") -> None:
        """Take one mistake; of one kind only the first few are shown in full.

        `once` names what is wrong where that is one thing, such as a heading, though every cell
        below it suffers: it is said once.
        """
        if once and once in self._said:
            return
        self._said.add(once)
        if len(sentence) > _MAX_SENTENCE:
            sentence = f"{sentence[:500]} ... {sentence[-300:]}"
        self._problems[kind, sentence] = None

    def note_once(self, sentence: str) -> None:
        """Take a note of which the first is enough: those that begin alike say the same."""
        beginning = sentence.partition(":")[0]
        if not any(note.startswith(beginning) for note in self.notes):
            self.notes.append(sentence)

    def untrusted(self, cell: Cell) -> bool:
        """Tell whether a workbook's cell can't be trusted; if so, that is a mistake."""
        if cell.cell_error:
            self.problem(f"{cell.place} {cell.cell_error}.", "untrusted cells")
        return bool(cell.cell_error)

    def has_problems(self, *kinds: str) -> bool:
        """Tell whether there are mistakes: of one of these kinds, or any."""
        return any(kind in kinds or not kinds for kind, _ in self._problems)

    def raise_if_problems(self) -> None:
        """Refuse the table if there was a mistake."""
        if self._problems:
            raise PlateMapError(*self._listed_problems())

    def _listed_problems(self) -> list[str]:
        """Give the mistakes to show, by file and line, with what was left off in numbers."""
        files: dict[str, int] = {}
        for _, sentence in self._problems:
            files.setdefault(sentence.partition(", line ")[0], len(files))

        def order(problem: tuple[str, str]) -> tuple[int, int]:
            file, _, rest = problem[1].partition(", line ")
            line = re.match(r"\d+", rest)
            return files[file], int(line[0]) if line else 0

        totals = Counter(kind for kind, _ in self._problems)
        shown: Counter[str] = Counter()
        sentences = []
        for kind, sentence in sorted(self._problems, key=order):
            shown[kind] += 1
            if kind and totals[kind] > _ALIKE + 1:
                if shown[kind] == _ALIKE + 1:
                    sentences.append(
                        f"{totals[kind] - _ALIKE} more mistakes are of the same kind ({kind})."
                    )
                if shown[kind] > _ALIKE:
                    continue
            sentences.append(sentence)
        if len(sentences) > self.maximum:
            left = len(sentences) - self.maximum
            sentences = [*sentences[: self.maximum], f"{left} more mistakes are not listed."]
        return sentences
