"""What has become of a spheroid: one function for every fate, from a ball to debris."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.micrographs.canvas import Canvas
from training.micrographs.looks import Look, vary
from training.micrographs.loose import (
    add_carpet,
    add_cells,
    add_corona,
    add_outgrowth,
    draw_cell_look,
)
from training.micrographs.outlines import draw_blob, draw_cluster
from training.micrographs.surroundings import add_moulds
from training.micrographs.tiles import cut

Rng = np.random.Generator


@dataclass(frozen=True)
class Plan:
    """What a frame is about."""

    style: str
    fate: str
    emitting: bool
    radius: float
    cell: float
    strength: float
    look: Look


def _body(
    canvas: Canvas,
    rng: Rng,
    plan: Plan,
    centre: tuple[float, float],
    radius: float,
    look: Look | None = None,
    *,
    core: bool = True,
    wild: float = 1.0,
    over: float | None = None,
) -> None:
    if radius > 5 and rng.random() < 0.07:  # grown like a bunch of grapes
        cluster = draw_cluster(rng, canvas.shape, centre, radius)
        if cluster is not None:
            canvas.add_body(rng, cluster, look or plan.look, core=core)
        return
    kind = rng.random()
    aspect = float(np.exp(abs(rng.normal(0, 0.12 * wild))))
    lobes, ragged, spindle = 0.012 * wild, 0.0, 0.0
    if kind < 0.5:
        lobes = float(rng.uniform(0, 0.05)) * wild
    elif kind < 0.85:
        lobes, ragged = float(rng.uniform(0, 0.08)) * wild, float(rng.uniform(0.01, 0.05)) * wild
    elif kind < 0.96:
        lobes, ragged = float(rng.uniform(0.05, 0.18)), float(rng.uniform(0.02, 0.08))
        aspect = float(np.exp(abs(rng.normal(0, 0.3))))
    else:
        aspect, spindle = float(rng.uniform(1.6, 3.5)), float(rng.uniform(0, 0.7))
    blob = draw_blob(
        rng, canvas.shape, centre, radius, lobes=lobes, aspect=aspect, spindle=spindle,
        ragged=ragged, margin=_margin(plan.look, radius),
    )  # fmt: skip
    if blob is not None:
        hides = float(rng.uniform(0.6, 1)) if over is None else over
        canvas.add_body(rng, blob, look or plan.look, core=core, over=hides)


def _margin(look: Look, radius: float) -> float:
    """Room for what is drawn outside of a body, in radii."""
    glow = 3 * look.glow_width if look.glow else 0.0
    ring = look.ring_at + 3 if look.ring else 0.0
    return 0.25 + max(glow, ring) / max(radius, 1)


def _around(
    rng: Rng, centre: tuple[float, float], radius: float, number: int, reach: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places around a body, thinning out over `reach` radii, more of them to one side."""
    turn = rng.uniform(-np.pi, np.pi, number)
    if rng.random() < 0.6:
        turn = rng.uniform(-np.pi, np.pi) + rng.normal(0, rng.uniform(0.3, 2.0), number)
    away = radius * (rng.uniform(0.97, 1.08) + rng.exponential(reach, number))
    return centre[0] + away * np.sin(turn), centre[1] + away * np.cos(turn)


def _cells(
    canvas: Canvas,
    rng: Rng,
    plan: Plan,
    centre: tuple[float, float],
    number: int,
    reach: float,
    radius: float | None = None,
    faint: float = 1.0,
) -> None:
    size = plan.cell * float(np.exp(rng.normal(0, 0.2)))
    visible = faint * max(plan.strength, 0.7 * abs(plan.look.rim))
    # Single cells may be far paler than a body many cells thick.
    share = float(np.exp(rng.uniform(np.log(0.15), np.log(1.3))))
    look = draw_cell_look(rng, size, visible * share, plan.emitting)
    y, x = _around(rng, centre, radius or plan.radius, number, reach)
    if rng.random() < 0.5 and number > 6:  # some of them in clumps
        joined = rng.random(number) < rng.uniform(0.2, 0.8)
        leader = rng.integers(0, number, number)
        y = np.where(joined, y[leader] + rng.normal(0, 1.2 * size, number), y)
        x = np.where(joined, x[leader] + rng.normal(0, 1.2 * size, number), x)
    add_cells(canvas, rng, y, x, look)


def _number(rng: Rng, low: float, high: float) -> int:
    return int(np.exp(rng.uniform(np.log(low), np.log(high))))


def _veil(canvas: Canvas, rng: Rng, plan: Plan, centre: tuple[float, float]) -> None:
    """Thin debris close around a body that is still whole, far fainter than the body."""
    faint = float(np.exp(rng.uniform(np.log(0.05), np.log(0.3))))
    add_carpet(
        canvas, rng, centre, plan.radius * float(rng.uniform(1.12, 1.8)),
        strength=faint * plan.strength, cell=max(1.0, plan.cell * float(rng.uniform(0.4, 1.0))),
        emitting=plan.emitting,
    )  # fmt: skip
    if rng.random() < 0.7:
        number, reach = _number(rng, 10, 200), float(rng.uniform(0.08, 0.4))
        _cells(canvas, rng, plan, centre, number, reach, faint=float(rng.uniform(1, 3)) * faint)


def _intact(canvas: Canvas, rng: Rng, plan: Plan, centre: tuple[float, float]) -> None:
    if plan.style != "faint" and rng.random() < 0.12:
        _veil(canvas, rng, plan, centre)
    elif rng.random() < 0.3:
        _cells(canvas, rng, plan, centre, _number(rng, 1, 6), rng.uniform(0.3, 2.0))
    _body(canvas, rng, plan, centre, plan.radius)
    if rng.random() < (0.4 if plan.style == "faint" else 0.08):  # cells that stand out in the body
        number = _number(rng, 5, 150)
        turn, away = rng.uniform(-np.pi, np.pi, number), plan.radius * np.sqrt(rng.random(number))
        look = draw_cell_look(rng, min(plan.cell, 3.0), 1.5 * plan.strength, plan.emitting)
        y, x = centre[0] + 0.9 * away * np.sin(turn), centre[1] + 0.9 * away * np.cos(turn)
        add_cells(canvas, rng, y, x, look, label=False)


def _loosening(canvas: Canvas, rng: Rng, plan: Plan, centre: tuple[float, float]) -> None:
    soft = replace(plan.look, soft=plan.look.soft * float(rng.uniform(1, 3)))
    first = rng.random() < 0.5
    if first:
        _body(canvas, rng, plan, centre, plan.radius, soft, wild=1.8)
    for _ in range(int(rng.integers(1, 3))):
        crowd = 2 * np.pi * plan.radius / plan.cell
        _cells(
            canvas, rng, plan, centre, max(3, int(crowd * rng.uniform(0.2, 1.6))),
            float(rng.uniform(0.02, 0.15)),
        )  # fmt: skip
    if not first:
        _body(canvas, rng, plan, centre, plan.radius, soft, wild=1.8)


def _shedding(canvas: Canvas, rng: Rng, plan: Plan, centre: tuple[float, float]) -> None:
    for _ in range(int(rng.integers(1, 4))):
        _cells(canvas, rng, plan, centre, _number(rng, 6, 300), float(rng.uniform(0.08, 0.9)))
    for _ in range(int(rng.integers(0, 4)) if rng.random() < 0.4 else 0):
        y, x = _around(rng, centre, plan.radius, 1, 0.5)
        size = plan.radius * float(rng.uniform(0.08, 0.2))
        _body(
            canvas, rng, plan, (float(y[0]), float(x[0])), size, vary(rng, plan.look, 0.5),
            core=False, wild=2.0,
        )  # fmt: skip
    _body(canvas, rng, plan, centre, plan.radius)


def _cloud(canvas: Canvas, rng: Rng, plan: Plan, centre: tuple[float, float]) -> None:
    wide = plan.radius * float(rng.uniform(1.3, 3.6))
    off = rng.normal(0, 0.3 * (wide - plan.radius), 2)
    add_carpet(
        canvas, rng, (centre[0] + off[0], centre[1] + off[1]), wide,
        strength=plan.strength * float(np.exp(rng.uniform(np.log(0.22), np.log(0.9)))),
        cell=plan.cell, emitting=plan.emitting,
    )  # fmt: skip
    if rng.random() < 0.7:
        _cells(canvas, rng, plan, centre, _number(rng, 5, 200), rng.uniform(0.2, 0.8), wide)
    if rng.random() < 0.4:
        _cells(canvas, rng, plan, centre, _number(rng, 20, 600), rng.uniform(0.2, 0.8))
    _body(canvas, rng, plan, centre, plan.radius, wild=1.5)


def _corona(canvas: Canvas, rng: Rng, plan: Plan, centre: tuple[float, float]) -> None:
    grown = rng.random() < 0.5
    look, over = plan.look, 1.0
    strength = plan.strength * float(np.exp(rng.uniform(np.log(0.2), np.log(0.9))))
    reach = float(np.exp(rng.uniform(np.log(0.15), np.log(2.2))))
    kept = {"strength": strength, "cell": plan.cell}
    if grown:
        reach = max(reach, 0.35)
        add_outgrowth(canvas, rng, centre, plan.radius, reach, emitting=plan.emitting, **kept)
        over = float(rng.uniform(0, 0.6))
        soft, dark = plan.radius * float(rng.uniform(0.05, 0.5)), 0.5 * strength
        if rng.random() < 0.6:  # far darker than what grows out of it, though as coarse
            dark = strength * float(rng.uniform(0.6, 2.0))
            soft = max(0.5, plan.radius * float(rng.uniform(0.02, 0.2)))
        look = replace(
            look, rim=0.2 * look.rim, glow=0.0, ring=0.0, folds=0.0, soft=soft,
            flat=float(np.copysign(max(abs(look.flat), dark), look.flat or 1.0)),
        )  # fmt: skip
        if plan.emitting:
            look = replace(look, flat=abs(look.flat))
    if not grown or rng.random() < 0.6:
        start = plan.radius * (float(rng.uniform(1, 1 + reach)) if grown else 1.0)
        add_corona(canvas, rng, centre, start, reach, emitting=plan.emitting, **kept)
    if not grown and rng.random() < 0.6:  # the body fades into its corona
        fade = plan.radius * float(rng.uniform(0.05, 0.4))
        look = replace(look, soft=fade, rim=0.2 * look.rim, glow=0.0)
    _body(canvas, rng, plan, centre, plan.radius, look, wild=1.2, over=over)


def _fragments(canvas: Canvas, rng: Rng, plan: Plan, centre: tuple[float, float]) -> None:
    if rng.random() < 0.7:
        add_carpet(
            canvas, rng, centre, plan.radius * float(rng.uniform(1.8, 3.6)),
            strength=plan.strength * float(np.exp(rng.uniform(np.log(0.22), np.log(0.8)))),
            cell=plan.cell, emitting=plan.emitting,
        )  # fmt: skip
    for _ in range(int(rng.integers(1, 3))):
        _cells(canvas, rng, plan, centre, _number(rng, 5, 200), rng.uniform(0.3, 1.2))
    wild = float(rng.uniform(1, 3))
    for number in range(int(rng.integers(2, 6))):
        size = plan.radius * float(rng.uniform(0.35, 1.0 if number else 1.2))
        place = rng.normal(0, plan.radius * rng.uniform(0.8, 1.8), 2)
        look = vary(rng, plan.look, 0.6)
        _body(
            canvas, rng, plan, (centre[0] + place[0], centre[1] + place[1]), size, look, wild=wild
        )


def _debris(canvas: Canvas, rng: Rng, plan: Plan, centre: tuple[float, float]) -> None:
    if rng.random() < 0.5:
        add_carpet(
            canvas, rng, centre, plan.radius * float(rng.uniform(0.5, 2.5)),
            strength=plan.strength * float(np.exp(rng.uniform(np.log(0.2), np.log(0.8)))),
            cell=plan.cell, emitting=plan.emitting,
        )  # fmt: skip
    spread = plan.radius * float(rng.uniform(0.3, 0.8))
    for _ in range(int(rng.integers(1, 3))):
        _cells(
            canvas, rng, plan, centre, _number(rng, 12, 500), rng.uniform(0.4, 2.0), 0.5 * spread
        )
    for _ in range(int(rng.integers(0, 5)) if rng.random() < 0.4 else 0):
        place = rng.normal(0, spread, 2)
        size = float(np.clip(plan.cell * rng.uniform(0.8, 2.0), 1.5, 0.03 * canvas.shape[0]))
        _body(
            canvas, rng, plan, (centre[0] + place[0], centre[1] + place[1]), size,
            vary(rng, plan.look, 0.5), core=False, wild=2.5,
        )  # fmt: skip


def _scattered(canvas: Canvas, rng: Rng, plan: Plan, centre: tuple[float, float]) -> None:
    """Cells and clumps that have drifted over the whole frame, with or without a haunt."""
    side = canvas.shape[0]
    for _ in range(int(rng.integers(1, 4))):
        size = plan.cell * float(np.exp(rng.normal(0, 0.25)))
        room = (side / max(size, 1.0)) ** 2
        number = int(np.clip(room * np.exp(rng.uniform(np.log(0.002), np.log(0.12))), 12, 2500))
        y, x = rng.uniform(0, side, (2, number))
        if rng.random() < 0.5:  # more of them on one side
            haunt, wide = rng.uniform(-0.1, 1.1, 2) * side, side * rng.uniform(0.25, 0.7)
            near = np.exp(-0.5 * ((y - haunt[0]) ** 2 + (x - haunt[1]) ** 2) / wide**2)
            kept = rng.random(number) < near
            y, x = y[kept], x[kept]
        if rng.random() < 0.6 and y.size > 6:  # clumps of a few to some dozens
            leader = rng.integers(0, max(2, int(y.size / np.exp(rng.uniform(0.7, 3.5)))), y.size)
            joined = rng.random(y.size) < rng.uniform(0.4, 1.0)
            apart = size * np.sqrt(y.size / (leader.max() + 1)) * rng.uniform(0.4, 0.9)
            y = np.where(joined, y[leader] + rng.normal(0, apart, y.size), y)
            x = np.where(joined, x[leader] + rng.normal(0, apart, x.size), x)
        # A cell is one layer, a body many: in emitted light a hundredth is still a cell.
        least = 0.02 if plan.emitting else 0.15
        share = float(np.exp(rng.uniform(np.log(least), np.log(1.3))))
        visible = max(plan.strength, 0.7 * abs(plan.look.rim)) * share
        add_cells(canvas, rng, y, x, draw_cell_look(rng, size, visible, plan.emitting), spread=0.4)
    if rng.random() < 0.85:
        _body(canvas, rng, plan, centre, plan.radius, wild=1.5)


def _few(canvas: Canvas, rng: Rng, plan: Plan, centre: tuple[float, float]) -> None:
    side = canvas.shape[0]
    radius = min(plan.radius, 0.2 * side)
    touching = rng.random() < 0.5
    y, x = centre
    for _ in range(int(rng.integers(2, 6))):
        size = radius * float(np.exp(rng.normal(0, 0.25)))
        _body(canvas, rng, plan, (y, x), size, vary(rng, plan.look, 0.25))
        turn = rng.uniform(-np.pi, np.pi)
        step = radius * float(rng.uniform(1.5, 2.05) if touching else rng.uniform(2.2, 5.0))
        y, x = y + step * np.sin(turn), x + step * np.cos(turn)
    if rng.random() < 0.4:
        _cells(canvas, rng, plan, centre, _number(rng, 3, 60), rng.uniform(0.3, 2.0), radius)


def _many(canvas: Canvas, rng: Rng, plan: Plan, centre: tuple[float, float]) -> None:
    side = canvas.shape[0]
    radius = plan.radius
    if rng.random() < 0.45:  # side by side, many of them touching
        pitch = max(radius * float(rng.uniform(1.8, 2.7)), side / 11.5)
        radius = pitch / float(rng.uniform(1.8, 2.6))
        steps = np.arange(pitch * rng.uniform(0, 1), side + pitch / 2, pitch)
        where = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2)
        loose, kept = 0.2, float(rng.uniform(0.6, 1.0))
        if rng.random() < 0.5:  # packed like oranges
            where[:, 0] += 0.5 * pitch * (np.arange(len(where)) // len(steps) % 2)
            loose, kept = float(rng.uniform(0.03, 0.12)), float(rng.uniform(0.9, 1.0))
            radius = pitch / float(rng.uniform(1.95, 2.3))
        where = where + rng.normal(0, loose * pitch, where.shape)
        where = where[rng.random(len(where)) < kept]
    else:
        pitch = radius * float(rng.uniform(2.7, 7))
        where = rng.uniform(0, side, (int(np.clip((side / pitch) ** 2, 6, 90)), 2))
    spread = float(rng.uniform(0.02, 0.45))
    for y, x in where:
        size = radius * float(np.exp(rng.normal(0, spread)))
        _body(canvas, rng, plan, (float(y), float(x)), size, vary(rng, plan.look, 0.3))


def _moulded(canvas: Canvas, rng: Rng, plan: Plan, centre: tuple[float, float]) -> None:
    """Bodies in the wells of a micro-mould, one in most of them."""
    where, wide = add_moulds(rng, canvas.signal, plan.strength * (0.3 if plan.emitting else 1.0))
    size, spread = wide * float(rng.uniform(0.3, 0.95)), float(rng.uniform(0.02, 0.35))
    filled = rng.random(len(where)) < rng.uniform(0.6, 1.0)
    shedding = rng.random() < 0.35
    look = replace(plan.look, rim_width=min(plan.look.rim_width, 0.2 * size + 0.6))
    for y, x in where[filled]:
        place = (float(y + rng.normal(0, 0.12 * wide)), float(x + rng.normal(0, 0.12 * wide)))
        radius = min(size * float(np.exp(rng.normal(0, spread))), 1.02 * wide)
        if shedding and rng.random() < 0.6:
            number = _number(rng, 2, 30)
            _cells(canvas, rng, plan, place, number, float(rng.uniform(0.05, 0.3)), radius)
        _body(canvas, rng, plan, place, radius, vary(rng, look, 0.3))


def _nothing(canvas: Canvas, rng: Rng, plan: Plan, centre: tuple[float, float]) -> None:
    if rng.random() < 0.4:  # a lawn of cells, a gel, a rough plate
        kind = str(rng.choice(("cells", "cobbles", "grain", "cloud", "fibres")))
        texture = cut(rng, kind, canvas.shape, float(rng.uniform(0, 1)))
        strong = np.float32(np.exp(rng.uniform(np.log(0.01), np.log(0.4))))
        canvas.signal += strong * np.maximum(texture, np.float32(rng.uniform(-3, 0)))
        canvas.fine += strong * np.float32(rng.uniform(0, 0.7))
    if rng.random() < 0.35:  # specks all over are dust, not what a spheroid shed
        y, x = rng.uniform(0, canvas.shape[0], (2, _number(rng, 2, 60)))
        look = draw_cell_look(rng, min(plan.cell, 4.0), plan.strength, plan.emitting)
        add_cells(canvas, rng, y, x, look, label=False)


FATES = {
    "intact": _intact,
    "loosening": _loosening,
    "shedding": _shedding,
    "cloud": _cloud,
    "corona": _corona,
    "fragments": _fragments,
    "debris": _debris,
    "scattered": _scattered,
    "few": _few,
    "many": _many,
    "moulded": _moulded,
    "nothing": _nothing,
}
