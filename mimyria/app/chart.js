"use strict";
/* The groups of a sample: a table, and its spectra with the bands marked of the group that is chosen. */

const WIDTH = 1040, HEIGHT = 250, LEFT = 22, RIGHT = 22, TOP = 34, BOTTOM = 38;
const KINDS = {infrared: "infrared absorption", raman: "Raman intensity"};

function make(name, text = "", parts = []) {
  const made = document.createElement(name);
  if (text !== "") made.textContent = text;
  made.append(...parts);
  return made;
}

function draw(name, attributes, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}

function curveOf(curve, low, high) {
  const at = nu => LEFT + (WIDTH - LEFT - RIGHT) * (high - nu) / (high - low);
  const up = y => HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * y;
  const picture = draw("svg", {class: "curve", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img"});
  picture.setAttribute("aria-label", `${KINDS[curve.kind]} over wavenumber`);
  const marks = draw("g", {});
  picture.append(marks);
  const step = high - low > 2000 ? 500 : 200;
  for (let nu = Math.ceil(low / step) * step; nu <= high; nu += step) {
    picture.append(draw("line", {class: "axis", x1: at(nu), x2: at(nu), y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM + 5}));
    picture.append(draw("text", {x: at(nu), y: HEIGHT - BOTTOM + 18, "text-anchor": "middle"}, String(nu)));
  }
  picture.append(draw("line", {class: "axis", x1: LEFT, x2: WIDTH - RIGHT, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM}));
  picture.append(draw("text", {x: WIDTH / 2, y: HEIGHT - 4, "text-anchor": "middle"}, "wavenumber / cm⁻¹"));
  picture.append(draw("text", {x: LEFT, y: 14}, KINDS[curve.kind]));
  const path = curve.x.map((nu, k) => `${k ? "L" : "M"}${at(nu).toFixed(1)} ${up(curve.y[k]).toFixed(1)}`).join("");
  picture.append(draw("path", {class: "line", d: path}));
  const mark = bands => {
    marks.replaceChildren();
    for (const band of bands.filter(one => one.kind === curve.kind)) {
      marks.append(draw("rect", {class: "band", x: at(band.high), width: Math.max(2, at(band.low) - at(band.high)),
        y: TOP - 12, height: HEIGHT - TOP - BOTTOM + 12}));
      marks.append(draw("line", {class: "centre", x1: at(band.centre), x2: at(band.centre), y1: TOP - 12, y2: HEIGHT - BOTTOM}));
      marks.append(draw("text", {x: at(band.centre), y: TOP - 15, "text-anchor": "middle"}, band.centre.toFixed(0)));
    }
  };
  return {picture, mark};
}

function showGroups(place, result) {
  const all = Object.entries(result.groups), least = result.least;
  const ends = result.curves.flatMap(curve => [Math.min(...curve.x), Math.max(...curve.x)]);
  const low = Math.max(0, Math.min(...ends)), high = Math.min(4000, Math.max(...ends));
  const curves = result.curves.map(curve => {
    const inside = curve.x.map((nu, k) => k).filter(k => curve.x[k] >= low && curve.x[k] <= high);
    return curveOf({...curve, x: inside.map(k => curve.x[k]), y: inside.map(k => curve.y[k])}, low, high);
  });
  const table = make("table"), body = make("tbody");
  table.className = "groups";
  table.append(make("caption"), make("thead", "", [make("tr", "", ["group", "probability", "", "bands, cm⁻¹"]
    .map(title => { const cell = make("th", title); cell.scope = "col"; return cell; }))]), body);
  const choose = (row, group) => {
    for (const other of body.rows) other.classList.toggle("chosen", other === row);
    for (const curve of curves) curve.mark(group.bands);
  };
  const fill = most => {
    body.replaceChildren();
    for (const [name, group] of all.slice(0, most)) {
      const button = make("button", name), meter = make("meter"), row = make("tr");
      button.type = "button";
      button.title = "mark its bands";
      meter.value = group.probability;
      const bands = group.bands.map(band => band.centre.toFixed(0) + (band.kind === "raman" ? " Raman" : "")).join(", ");
      row.append(make("td", "", [button]), make("td", group.probability.toFixed(3)), make("td", "", [meter]), make("td", bands));
      row.classList.toggle("faint", group.probability < least);
      button.addEventListener("click", () => choose(row, group));
      body.append(row);
    }
    if (all.length && body.rows.length) choose(body.rows[0], all[0][1]);
  };
  const sure = all.filter(([, group]) => group.probability >= least).length;
  const more = make("button", `Show all ${all.length} groups`);
  more.type = "button";
  more.addEventListener("click", () => { fill(all.length); more.remove(); });
  if (!sure) place.append(make("p", `No group is as probable as ${least}; these come first.`));
  fill(Math.max(sure, 3));
  place.append(...curves.map(curve => curve.picture), table, make("p", "", all.length > body.rows.length ? [more] : []));
}
