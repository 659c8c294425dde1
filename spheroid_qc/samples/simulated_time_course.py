"""One simulated spheroid over time: the same body, grain and cells in every frame.

A well's traits are drawn once from its own seed; the scene of any time follows from them
without looking at other frames. How much has been shed is not left to chance: cells leave in a
fixed order, as many as the disintegration fraction of that time asks for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.samples.exact_masks import cell_pixels, solids_of
from spheroid_qc.samples.plate_design import PlateDesign, WellPlan
from spheroid_qc.samples.simulated_drug_effects import phenotype_of
from spheroid_qc.samples.spheroid_scene import Body, Cells, Lobes, Outline, Scene, Veil

MAX_CELLS = 3600
SMALLEST_CORE_UM = 22.0  # radius below which a core has dissolved


def stream(seed: int, *path: int) -> np.random.Generator:
    """Return the random stream of one purpose, independent of every other and of any order."""
    return np.random.default_rng(np.random.SeedSequence(entropy=seed, spawn_key=path))


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Traits of one well; see `scene_at`."""

    design: PlateDesign
    plan: WellPlan
    centre: tuple[float, float]
    radius_px: float
    growth_per_h: float
    potency: float
    lobes: Lobes
    ragged: Lobes
    veil_lobes: Lobes
    look: Body
    drift: NDArray[np.float64]
    loose_df: float
    angle: NDArray[np.float64]
    travel: NDArray[np.float64]
    ahead: NDArray[np.float64]
    cell_radius: NDArray[np.float64]
    offset_y: NDArray[np.float64]
    offset_x: NDArray[np.float64]
    strength: NDArray[np.float64]
    death: NDArray[np.float64]
    stretch: NDArray[np.float64]
    turn: NDArray[np.float64]
    pieces: tuple[tuple[float, float, Lobes], ...]  # angle, share of the shed area, lobes

    def scene_at(self, index: int) -> Scene:
        """Return the scene of frame number `index`."""
        design, time_h = self.design, self.design.times_h[index]
        cell_px = 12.5 / design.pixel_size_um
        if self.plan.empty:
            return Scene(design.shape, cell_px=cell_px)
        horizon = max(design.times_h[-1], 1.0)
        phenotype = phenotype_of(
            self.plan.treatment, design.drugs, design.interactions, time_h, horizon_h=horizon,
            potency=self.potency,
        )  # fmt: skip
        loose = self.loose_df * (0.4 + 0.6 * time_h / horizon)
        df = 1.0 - (1.0 - loose) * (1.0 - phenotype.shed)
        volume = np.exp(self.growth_per_h * time_h) * phenotype.survival
        core_area = np.pi * self.radius_px**2 * volume ** (2.0 / 3.0)
        y, x = self.centre + self.drift[index]
        rough = min(1.0, 1.6 * df)
        lobes = _added(self.lobes, self.ragged, rough)
        outline = Outline.of_area(y, x, core_area, lobes)
        if outline.radius * design.pixel_size_um < SMALLEST_CORE_UM:
            # Nothing but cells where the core was.
            scene = Scene(design.shape, cell_px=cell_px)
            total, spread = core_area / max(1e-6, 1.0 - df), max(0.6, phenotype.spread)
            return self._with_cells(scene, outline, total, spread, 1.0)
        body = Body(
            outline,
            # What is left of a dying spheroid is more compact than it was.
            opacity=self.look.opacity * (1.0 + 0.9 * rough),
            rim=self.look.rim * (1.0 - 0.3 * rough),
            rim_px=self.look.rim_px,
            grain=self.look.grain,
            necrosis=self.look.necrosis,
            softness=1.5 + 3.0 * rough,
            fringe=self.look.fringe * (1.0 - 0.5 * rough),
            texture=self.look.texture,
        )
        wanted = core_area * df / (1.0 - df)
        pieces = self._pieces(body, wanted, df)
        taken = sum(np.pi * piece.outline.radius**2 for piece in pieces)
        veil = self._veil(outline, wanted - taken, df)
        scene = Scene(design.shape, (body, *pieces), veil, cell_px=cell_px)
        return self._with_cells(
            scene, outline, core_area + wanted, phenotype.spread, time_h / horizon
        )

    def _pieces(self, body: Body, wanted: float, df: float) -> tuple[Body, ...]:
        """Compact fragments beside the body, once there is enough shed area to hold them."""
        found: list[Body] = []
        away = (df - 0.4) / 0.6
        room = 0.35 * wanted
        for angle, share, lobes in self.pieces:
            area = share * np.pi * self.radius_px**2 * (1.0 - 0.4 * max(0.0, away))
            piece = Outline.of_area(0.0, 0.0, area, lobes)
            small = piece.radius * self.design.pixel_size_um < SMALLEST_CORE_UM
            if df < 0.4 or small or area > room:
                continue
            room -= area
            reach = float(body.outline.reach(np.array([angle]))[0]) + 1.25 * piece.radius
            reach += 9.0 + 0.6 * away * self.radius_px
            place = Outline(
                body.outline.y + reach * np.sin(angle),
                body.outline.x + reach * np.cos(angle),
                piece.radius,
                lobes,
            )
            texture = (body.texture[0] + 131, body.texture[1] + round(97 * angle))
            found.append(replace(body, outline=place, opacity=0.8 * body.opacity, texture=texture))
        return tuple(found)

    def _veil(self, outline: Outline, wanted: float, df: float) -> Veil | None:
        """Return the closed cloud of cells around a spheroid that falls apart."""
        share = 0.62 * float(np.clip((df - 0.22) / 0.35, 0.0, 1.0))
        area = np.pi * outline.radius**2 + share * wanted
        veil = Outline.of_area(outline.y, outline.x, area, self.veil_lobes)
        if veil.radius - outline.radius < 1.2 * 12.5 / self.design.pixel_size_um:
            return None
        density = 0.12 + 0.08 * float(self.look.opacity)
        return Veil(veil, density, softness=9.0, texture=self.look.texture)

    def _with_cells(
        self, scene: Scene, outline: Outline, total: float, spread: float, age: float
    ) -> Scene:
        """Let cells leave, in their order, until everything together covers `total` px."""
        solid, veil = solids_of(scene)
        covered = int(np.count_nonzero(solid)) + int(np.count_nonzero(veil))
        missing = total - covered
        if missing <= 0:
            return scene
        cells = self._cells(scene, outline, spread, age, missing)
        taken = solid | veil
        pixel, cell, _ = cell_pixels(cells, scene.shape)
        fresh = ~taken.reshape(-1)[pixel]
        pixel, cell = pixel[fresh], cell[fresh]
        # The first cell on a pixel brings it: written backwards, the first one stays.
        owner = np.full(scene.shape[0] * scene.shape[1], -1, dtype=np.int32)
        owner[pixel[::-1]] = cell[::-1]
        brought = np.bincount(owner[owner >= 0], minlength=len(cells)).cumsum()
        n = int(np.searchsorted(brought, missing)) + 1
        return Scene(scene.shape, scene.bodies, scene.veil, cells.first(n), scene.cell_px)

    def _cells(
        self, scene: Scene, outline: Outline, spread: float, age: float, missing: float
    ) -> Cells:
        """All cells that may be needed, at their places."""
        mean_area = np.pi * float(np.mean(self.cell_radius**2))
        n = min(MAX_CELLS, int(40 + 3.2 * missing / mean_area))
        angle = self.angle[:n]
        distance = spread * self.radius_px * self.travel[:n] * (0.45 + 0.55 * age)
        reach = outline.reach(angle)
        if scene.veil is not None:
            # Cells that left earlier have been carried along by the cloud behind them.
            cloud = np.maximum(scene.veil.outline.reach(angle) - reach, 0.0)
            reach = reach + self.ahead[:n] * cloud
        reach = reach + 0.7 * self.cell_radius[:n] + distance
        y = outline.y + reach * np.sin(angle) + self.offset_y[:n]
        x = outline.x + reach * np.cos(angle) + self.offset_x[:n]
        death = np.clip(self.death[:n] + 0.25 * age, 0.0, 1.0)
        shape = (self.stretch[:n], self.turn[:n])
        columns = (y, x, self.cell_radius[:n], self.strength[:n], death, *shape)
        return Cells(*(column.astype(np.float32) for column in columns))


def _added(base: Lobes, further: Lobes, share: float) -> Lobes:
    """Add waves of the same numbers: amplitudes as vectors, so that phases are respected."""
    waves: dict[int, complex] = {}
    for lobes, weight in ((base, 1.0), (further, share)):
        for k, amplitude, phase in lobes:
            waves[k] = waves.get(k, 0j) + weight * amplitude * np.exp(1j * phase)
    return tuple((k, float(abs(w)), float(np.angle(w))) for k, w in sorted(waves.items()))


def _lobes(rng: np.random.Generator, first: int, last: int, size: float, power: float) -> Lobes:
    waves = np.arange(first, last + 1)
    sizes = size * np.abs(rng.normal(size=waves.size)) * (first / waves) ** power
    phases = rng.uniform(0, 2 * np.pi, waves.size)
    return tuple((int(k), float(a), float(p)) for k, a, p in zip(waves, sizes, phases, strict=True))


def history_of(design: PlateDesign, plan: WellPlan, seed: int) -> History:
    """Draw the traits of one well; its place makes its own stream of the plate's seed."""
    rng = stream(seed, plan.row, plan.column, 0)
    height, width = design.shape
    pixel = design.pixel_size_um
    n = MAX_CELLS
    # Cells come off in some directions more than in others, and part of them in clumps.
    favoured = rng.uniform(0, 2 * np.pi, 3)
    angle = np.where(
        rng.random(n) < 0.45,
        favoured[rng.integers(0, 3, n)] + 0.55 * rng.normal(size=n),
        rng.uniform(0, 2 * np.pi, n),
    )
    travel = rng.gamma(1.3, 0.7, n)
    ahead = rng.uniform(0.0, 1.0, n) ** 0.6
    cell_radius = rng.normal(5.9, 0.7, n).clip(4.0, 7.8) / pixel
    specks = rng.random(n) < 0.12  # blebs and debris of dead cells
    specks[:12] = False
    cell_radius[specks] = rng.uniform(1.6, 3.4, int(specks.sum())) / pixel
    offset_y, offset_x = np.zeros(n), np.zeros(n)
    start = 12  # the first few, all an untreated spheroid loses, are single cells
    while start < n:
        if rng.random() < 0.06:
            size = int(rng.integers(3, 22))
            members = np.arange(start, min(start + size, n))
            turn = 2.399963 * np.arange(len(members)) + rng.uniform(0, 2 * np.pi)
            out = 1.3 * cell_radius[start] * np.sqrt(np.arange(len(members)))
            angle[members], travel[members] = angle[start], travel[start] + 0.15
            ahead[members] = ahead[start]
            offset_y[members] = out * np.sin(turn) + 1.5 * rng.normal(size=len(members))
            offset_x[members] = out * np.cos(turn) + 1.5 * rng.normal(size=len(members))
            start += size
        else:
            start += 1
    steps = rng.normal(0.0, 2.5, (len(design.times_h), 2))
    steps[0] = 0.0
    return History(
        design=design,
        plan=plan,
        centre=(
            height / 2 + rng.normal(0, 0.03 * height),
            width / 2 + rng.normal(0, 0.03 * width),
        ),
        radius_px=design.diameter_um / 2 / pixel * float(np.exp(design.diameter_cv * rng.normal())),
        growth_per_h=design.growth_per_day / 24 * float(1 + 0.2 * rng.normal()),
        potency=float(np.exp(design.potency_sd * rng.normal())),
        lobes=_lobes(rng, 2, 12, 0.022, 0.9),
        ragged=_lobes(rng, 3, 16, 0.018, 0.4),
        veil_lobes=_lobes(rng, 2, 24, 0.055, 0.75),
        look=Body(
            Outline(0.0, 0.0, 0.0),
            opacity=float(rng.uniform(0.4, 0.75)),
            rim=float(rng.uniform(0.5, 0.8)),
            rim_px=float(rng.uniform(3.4, 5.0)),
            grain=float(rng.uniform(0.08, 0.13)),
            fringe=float(rng.uniform(0.05, 0.16)),
            necrosis=float(rng.uniform(0.0, 0.5)),
            texture=(int(rng.integers(0, 512)), int(rng.integers(0, 512))),
        ),
        drift=np.cumsum(steps, axis=0),
        loose_df=float(rng.uniform(0.006, 0.015)),
        angle=angle,
        travel=travel,
        ahead=ahead,
        cell_radius=cell_radius,
        offset_y=offset_y,
        offset_x=offset_x,
        strength=rng.uniform(0.2, 0.55, n),
        death=rng.beta(0.8, 1.6, n),
        stretch=1.0 + np.abs(0.14 * rng.normal(size=n)).clip(0, 0.6),
        turn=rng.uniform(0, np.pi, n),
        pieces=(
            tuple(
                (float(rng.uniform(0, 2 * np.pi)), float(share), _lobes(rng, 2, 9, 0.05, 0.8))
                for share in rng.uniform(0.05, 0.14, int(rng.integers(1, 4)))
            )
            if rng.random() < design.break_share
            else ()
        ),
    )
