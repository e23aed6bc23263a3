"""The page of normal modes: a table, the molecule that moves in the mode that is chosen, and the spectra below.

It is one file without a network. The molecule is drawn by a few lines of script on a canvas, at rest plus
sin(ωt) times ∂R/∂Q scaled to the same largest displacement for all modes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.elements import covalent_radii, symbols_of
from mimyria.figures.document import write_document
from mimyria.figures.markup import number, table
from mimyria.figures.page import download, figure_of
from mimyria.figures.panels import Panel
from mimyria.frame import Array, Frame
from mimyria.harmonic.modes import Modes
from mimyria.molecules import find_bonds

TITLES = {
    "wavenumber_cm-1": "ν / cm⁻¹",
    "ir_intensity_km_mol-1": "infrared / km mol⁻¹",
    "raman_activity_A4_u-1": "Raman / Å⁴ u⁻¹",
    "depolarisation_ratio": "ρ",
    "reduced_mass_u": "μ / u",
}
STYLE = """<style>
#stage { display: flex; gap: 1em; flex-wrap: wrap; align-items: flex-start; }
#stage canvas { border: 1px solid #ddd; touch-action: none; cursor: grab; }
#list { max-height: 470px; overflow-y: auto; flex: 1; min-width: 22em; font-size: 13px; }
#list table { border-collapse: collapse; width: 100%; }
#list th { position: sticky; top: 0; background: #fff; text-align: right; padding: 2px 6px; }
#list td { text-align: right; padding: 2px 6px; white-space: nowrap; }
#list .words { text-align: left; white-space: normal; }
#list tr { cursor: pointer; }
#list tr.chosen td { background: #cfe6f5; }
</style>"""
BODY = """<div id="stage">
<div><canvas id="molecule" width="460" height="420"></canvas><br>
<label>amplitude <input id="amplitude" type="range" min="0" max="100" value="40"></label>
<label><input id="running" type="checkbox" checked> moving</label>
<label><input id="arrows" type="checkbox"> arrows</label></div>
<div id="list">$rows</div>
</div>
<p>Click a mode to see it move, drag to turn the molecule, scroll to zoom. Negative wavenumbers are imaginary.</p>
<div id="panels"></div>
$files
<script type="application/json" id="modes">$data</script>
<script>$script</script>
"""
SCRIPT = """
const data = JSON.parse(document.getElementById("modes").textContent);
const canvas = document.getElementById("molecule"), pen = canvas.getContext("2d");
const rows = [...document.querySelectorAll("#list tr")].slice(1);
let chosen = 0, zoom = 1, turn = [[1, 0, 0], [0, 1, 0], [0, 0, 1]], held = null;
const times = (a, b) => a.map(row => b[0].map((_, k) => row.reduce((sum, x, j) => sum + x * b[j][k], 0)));
const about = (axis, angle) => {
  const c = Math.cos(angle), s = Math.sin(angle);
  return axis === "x" ? [[1, 0, 0], [0, c, -s], [0, s, c]] : [[c, 0, s], [0, 1, 0], [-s, 0, c]];
};
const place = r => turn.map(row => row[0] * r[0] + row[1] * r[1] + row[2] * r[2]);
function choose(k) {
  chosen = k;
  rows.forEach((row, j) => row.classList.toggle("chosen", j === k));
}
function draw(now) {
  const size = Math.min(canvas.width, canvas.height) / (2.4 * data.size) * zoom;
  const amplitude = document.getElementById("amplitude").value / 100;
  const running = document.getElementById("running").checked;
  const phase = running ? Math.sin(now / 250) : 0;
  const mode = data.modes.length ? data.modes[chosen] : data.positions.map(() => [0, 0, 0]);
  const at = data.positions.map((r, n) => place(r.map((x, k) => x + amplitude * phase * mode[n][k])));
  const seen = r => [canvas.width / 2 + size * r[0], canvas.height / 2 - size * r[1]];
  pen.clearRect(0, 0, canvas.width, canvas.height);
  const parts = data.bonds.map(([i, j]) => ({z: (at[i][2] + at[j][2]) / 2 - 0.01, bond: [i, j]}))
    .concat(at.map((r, n) => ({z: r[2], atom: n}))).sort((a, b) => a.z - b.z);
  for (const part of parts) {
    if (part.bond) {
      const [a, b] = part.bond.map(n => seen(at[n]));
      pen.strokeStyle = "#888"; pen.lineWidth = Math.max(2, 0.14 * size);
      pen.beginPath(); pen.moveTo(...a); pen.lineTo(...b); pen.stroke();
    } else {
      const [x, y] = seen(at[part.atom]), radius = 0.5 * size * data.radii[part.atom];
      const shade = pen.createRadialGradient(x - radius / 3, y - radius / 3, radius / 8, x, y, radius);
      shade.addColorStop(0, "#fff"); shade.addColorStop(1, data.colors[part.atom]);
      pen.fillStyle = shade; pen.strokeStyle = "#444"; pen.lineWidth = 0.6;
      pen.beginPath(); pen.arc(x, y, radius, 0, 2 * Math.PI); pen.fill(); pen.stroke();
    }
  }
  if (document.getElementById("arrows").checked) {
    pen.strokeStyle = "#d55e00"; pen.lineWidth = 2;
    data.positions.forEach((r, n) => {
      const a = seen(place(r)), b = seen(place(r.map((x, k) => x + mode[n][k])));
      const length = Math.hypot(b[0] - a[0], b[1] - a[1]);
      if (length < 3) return;
      const angle = Math.atan2(b[1] - a[1], b[0] - a[0]);
      pen.beginPath(); pen.moveTo(...a); pen.lineTo(...b);
      for (const side of [-0.5, 0.5]) {
        pen.moveTo(...b); pen.lineTo(b[0] - 7 * Math.cos(angle + side), b[1] - 7 * Math.sin(angle + side));
      }
      pen.stroke();
    });
  }
  requestAnimationFrame(draw);
}
rows.forEach((row, k) => row.addEventListener("click", () => choose(k)));
canvas.addEventListener("pointerdown", e => { held = [e.clientX, e.clientY]; canvas.setPointerCapture(e.pointerId); });
canvas.addEventListener("pointerup", () => { held = null; });
canvas.addEventListener("pointermove", e => {
  if (!held) return;
  turn = times(times(about("y", (e.clientX - held[0]) / 120), about("x", (e.clientY - held[1]) / 120)), turn);
  held = [e.clientX, e.clientY];
});
canvas.addEventListener("wheel", e => { e.preventDefault(); zoom *= Math.exp(-e.deltaY / 600); }, {passive: false});
if (rows.length) choose(Math.max(0, data.first));
requestAnimationFrame(draw);
"""


def write_modes_page(
    path: Path,
    frame: Frame,
    modes: Modes,
    columns: Mapping[str, Array],
    words: Sequence[str],
    panels: Sequence[Panel],
    files: Sequence[Path],
    title: str = "",
) -> None:
    """Write the page.

    Parameters
    ----------
    frame, modes
        The structure and its modes.
    columns, words
        What the table shows of each mode, of shape (modes,); those of `TITLES`, and the assignment.
    panels, files
        The spectra, and text files to download.
    """
    shown = {name: columns[name] for name in TITLES if name in columns}
    cells = [
        [str(k), *(number(column[k], 4) for column in shown.values()), escape(word)] for k, word in enumerate(words)
    ]
    rows = table(["mode", *(TITLES[name] for name in shown), "assignment"], cells, words=1)
    texts = {file.name: file.read_text(encoding="utf-8") for file in files}
    body = BODY
    for mark, content in (
        ("$rows", rows),
        ("$files", "\n".join(download(name, text) for name, text in texts.items())),
        ("$data", json.dumps(_moving(frame, modes, columns), separators=(",", ":")).replace("<", "\\u003c")),
        ("$script", SCRIPT),
    ):
        body = body.replace(mark, content, 1)
    figures = {"panels": figure_of(panels)} if panels else {}
    write_document(path, title or "normal modes", body, figures, texts, head=STYLE)


def _moving(frame: Frame, modes: Modes, columns: Mapping[str, Array]) -> dict[str, Any]:
    """Return what the script draws: places, bonds, colours, and modes scaled to a largest displacement of 1 Å."""
    from ase.data.colors import jmol_colors

    moved = modes.displacements
    largest = np.linalg.norm(moved, axis=2).max(axis=1, initial=1e-12)
    centred = frame.positions - frame.positions.mean(axis=0)
    i, j, vectors = find_bonds(frame)
    inside = (i < j) & (abs(frame.positions[j] - frame.positions[i] - vectors).max(axis=1, initial=0.0) < 1e-6)
    colors = (255 * jmol_colors[frame.numbers]).astype(int)
    strength = columns.get("ir_intensity_km_mol-1", columns.get("raman_activity_A4_u-1"))
    return {
        "symbols": symbols_of(frame.numbers),
        "positions": np.round(centred, 5).tolist(),
        "radii": np.round(covalent_radii(frame.numbers), 3).tolist(),
        "colors": [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in colors],
        "bonds": np.column_stack([i[inside], j[inside]]).tolist(),
        "modes": np.round(moved / largest[:, None, None], 5).tolist(),
        "size": round(float(np.linalg.norm(centred, axis=1).max(initial=0.0)) + 1.0, 4),
        "first": int(strength.argmax()) if strength is not None and len(strength) else 0,
    }
