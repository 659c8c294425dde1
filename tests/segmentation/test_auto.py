"""`auto`: who is asked, whose mask is taken, and that it says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spheroid_qc.segmentation import Segmentation, auto, segment
from tests.segmentation.scenes import disc


def answer(method: str, confidence: float, left: int, right: int) -> Segmentation:
    core = np.zeros((50, 50), np.int32)
    core[10:40, left:right] = 1
    return Segmentation(core, core > 1, confidence, method)


def ask(monkeypatch, first: Segmentation, second: Segmentation) -> tuple[Segmentation, int]:
    asked = []

    def classical(*_: object) -> Segmentation:
        asked.append(1)
        return second

    monkeypatch.setattr(auto, "segment_learned", lambda *_: first)
    monkeypatch.setattr(auto, "segment_classical", classical)
    return segment(np.zeros((50, 50))), len(asked)


def test_a_sure_network_is_taken_at_its_word(monkeypatch) -> None:
    first = answer("learned", 0.95, 10, 30)
    result, asked = ask(monkeypatch, first, answer("classical", 0.9, 30, 45))
    assert result is first
    assert asked == 0


@pytest.mark.parametrize(("weight", "times"), [(1.0, 0), (0.2, 1)])
def test_rules_are_not_asked_where_a_person_taught_the_network(monkeypatch, weight, times) -> None:
    first = replace(answer("learned", 0.5, 10, 30), evidence={"adapted": weight})
    _, asked = ask(monkeypatch, first, answer("classical", 0.9, 30, 45))
    assert asked == times


def test_a_second_opinion_makes_less_sure_and_never_surer(monkeypatch) -> None:
    first = answer("learned", 0.6, 10, 30)
    alike, _ = ask(monkeypatch, first, answer("classical", 0.8, 10, 30))
    apart, asked = ask(monkeypatch, first, answer("classical", 0.8, 32, 48))
    assert asked == 1
    assert apart.confidence < alike.confidence <= 0.8
    assert alike.evidence["second_opinion"] == 1
    assert apart.evidence["second_opinion"] == 0


def test_the_name_is_that_of_the_mask(monkeypatch) -> None:
    for ours, theirs in ((0.05, 0.95), (0.7, 0.1)):
        first, second = answer("learned", ours, 10, 12), answer("classical", theirs, 20, 45)
        result, _ = ask(monkeypatch, first, second)
        expected = result.evidence["expected_learned"], result.evidence["expected_classical"]
        assert result.method == ("learned" if expected[0] >= expected[1] else "classical")
        wanted = first if result.method == "learned" else second
        assert (result.core == wanted.core).all()
        assert result.confidence == pytest.approx(min(max(expected), wanted.confidence))


def test_the_interval_is_the_networks_whoever_drew_the_masks(monkeypatch) -> None:
    for ours, theirs in ((0.05, 0.95), (0.7, 0.1), (0.1, 0.0)):
        first = replace(answer("learned", ours, 10, 30), disintegration_interval=(0.1, 0.3))
        second = answer("classical", theirs, 10, 10 if not theirs else 45)
        result, _ = ask(monkeypatch, first, second)
        assert result.disintegration_interval == (0.1, 0.3)


def test_a_body_that_neither_is_sure_of_is_none(monkeypatch) -> None:
    nothing = answer("classical", 0.7, 10, 10)
    result, _ = ask(monkeypatch, answer("learned", 0.1, 10, 30), nothing)
    assert not result.core.any()
    assert result.method == "classical"
    assert result.confidence == 0.7
    result, _ = ask(monkeypatch, answer("learned", 0.75, 10, 30), nothing)
    assert result.core.any()


def test_auto_is_the_default_and_names_what_it_used() -> None:
    image, _ = disc()
    assert segment(image).method in ("learned", "classical")
