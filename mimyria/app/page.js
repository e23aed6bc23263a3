"use strict";
/* Three places to drop files, and the list of what becomes of them. All text of users goes in as text. */

const get = (place, name) => place.querySelector(name);
const seen = new Map();

async function ask(method, path, body, headers = {}) {
  let reply;
  try {
    reply = await fetch(path, {method, body, headers});
  } catch (error) {
    throw new Error("the program did not answer");
  }
  if (!reply.ok) throw new Error((await reply.text()).trim());
  return reply.json();
}

const bytes = size => size < 1e3 ? `${size} B` : size < 1e6 ? `${(size / 1e3).toFixed(0)} kB` : `${(size / 1e6).toFixed(1)} MB`;
const time = s => s < 60 ? `${s} s` : s < 3600 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;

/* The role that the name of a file suggests. */
function guess(drop, name) {
  const lower = name.toLowerCase(), has = role => drop.roles.some(one => one.name === role);
  if (has("cell") && lower.endsWith(".cell")) return "cell";
  if (has("velocities") && /(^|[-_.])vel/.test(lower)) return "velocities";
  if (has("topology") && /\.(psf|prmtop|parm7|data)$/.test(lower)) return "topology";
  return drop.roles[0].name;
}

function fieldOf(field) {
  const label = make("label"), words = make("code", field.flag);
  let input;
  if (field.switch) {
    input = make("input");
    input.type = "checkbox";
    input.checked = field.default === "true";
    label.append(input, " ", words);
  } else {
    if (field.choices.length) {
      input = make("select");
      for (const choice of [...(field.empty ? [""] : []), ...field.choices]) {
        const option = make("option", choice || "as the file says, or by default");
        option.value = choice;
        input.append(option);
      }
    } else {
      input = make("input");
      input.autocomplete = "off";
      input.maxLength = 300;
      input.placeholder = field.metavar;
    }
    input.value = field.default;
    label.append(words, input);
  }
  input.dataset.name = field.name;
  label.append(make("small", field.help));
  return label;
}

function settingsIn(section) {
  const settings = {};
  for (const input of section.querySelectorAll(".fields [data-name]")) {
    const words = input.type === "checkbox" ? String(input.checked) : input.value.trim();
    if (words) settings[input.dataset.name] = words;
  }
  return settings;
}

function addDrop(drop) {
  const section = document.getElementById("drop").content.cloneNode(true).firstElementChild;
  const zone = get(section, ".zone"), input = get(section, "input"), chosen = get(section, ".chosen");
  const wrong = get(section, ".wrong"), button = get(section, "button");
  let files = [], extra = {};
  section.dataset.kind = drop.kind;
  get(section, "h2").textContent = drop.title;
  get(section, ".words").textContent = drop.words;
  get(section, ".ask").textContent = drop.most > 1 ? "Drop files here, or choose them" : "Drop a file here, or choose one";
  const endings = [...new Set(drop.roles.flatMap(role => role.endings))];
  get(section, ".endings").textContent = `${endings.filter(one => one.lastIndexOf(".") === 0).slice(0, 6).join(" ")} …`;
  get(section, ".missing").textContent = drop.missing;
  get(section, ".missing").hidden = !drop.missing;
  get(section, ".fields").append(...drop.fields.map(fieldOf), make("small", `Files that are taken: ${endings.join(" ")}`));
  input.multiple = drop.most > 1;

  const complain = words => { wrong.textContent = words; wrong.hidden = !words; };
  const show = () => {
    button.disabled = !files.length;
    chosen.replaceChildren(...files.map((one, place) => {
      const item = make("li"), name = make("span", `${one.file.name} (${bytes(one.file.size)})`), away = make("button", "×");
      name.className = "name";
      item.append(name, away);
      if (drop.roles.length > 1) {
        const role = make("select");
        role.setAttribute("aria-label", `what ${one.file.name} is`);
        for (const each of drop.roles) {
          const option = make("option", each.words);
          option.value = each.name;
          role.append(option);
        }
        role.value = one.role;
        role.addEventListener("change", () => { one.role = role.value; });
        item.append(role);
      }
      away.type = "button";
      away.className = "plain";
      away.setAttribute("aria-label", `leave ${one.file.name} out`);
      away.addEventListener("click", () => { files.splice(place, 1); show(); });
      return item;
    }));
  };
  const take = list => {
    complain("");
    const taken = [...list].map(file => ({file, role: guess(drop, file.name)}));
    files = drop.most === 1 ? taken : [...files, ...taken];
    if (files.length > drop.most) {
      complain(drop.most === 1 ? "One file at a time." : `At most ${drop.most} files.`);
      files = files.slice(0, drop.most);
    }
    show();
  };
  input.addEventListener("change", () => { take(input.files); input.value = ""; });
  for (const kind of ["dragenter", "dragover"]) section.addEventListener(kind, event => {
    event.preventDefault();
    zone.classList.add("over");
  });
  section.addEventListener("dragleave", event => { if (!section.contains(event.relatedTarget)) zone.classList.remove("over"); });
  section.addEventListener("drop", event => {
    event.preventDefault();
    zone.classList.remove("over");
    take(event.dataTransfer.files);
  });
  get(section, "form").addEventListener("submit", async event => {
    event.preventDefault();
    complain("");
    const sent = files, settings = {...settingsIn(section), ...extra};
    button.disabled = true;
    try {
      for (const one of sent) await one.file.slice(0, 1).arrayBuffer().catch(() => {
        throw new Error(`${one.file.name} cannot be read: it is a folder, or has changed since it was chosen`);
      });
      const said = sent.map(one => ({role: one.role, name: one.file.name, size: one.file.size}));
      const work = await ask("POST", "works/", JSON.stringify({kind: drop.kind, files: said, settings}));
      files = [];
      show();
      look();
      for (const [place, one] of sent.entries()) await ask("PUT", `works/${work.number}/given/${place}`, one.file);
    } catch (error) {
      complain(error.message);
      button.disabled = !files.length;
    }
    look();
  });

  const examples = get(section, ".examples");
  for (const example of drop.examples) {
    const link = make("a", example.name), use = make("button", "try it");
    link.href = `examples/${example.name}`;
    link.download = example.name;
    use.type = "button";
    use.className = "plain";
    use.addEventListener("click", async () => {
      try {
        const blob = await (await fetch(link.href)).blob();
        files = [];
        take([new File([blob], example.name)]);
        extra = example.settings;  // of the example alone, not of what is dropped next
        get(section, "form").requestSubmit();
        extra = {};
      } catch (error) {
        complain("the program did not answer");
      }
    });
    examples.append("Example: ", link, ` (${example.words}) `, use);
  }
  document.getElementById("drops").append(section);
}

async function showResult(article, work) {
  const shown = get(article, ".shown"), base = `works/${work.number}/files/`;
  const result = await ask("GET", `${base}result.json`);
  if (result.page) {
    const frame = make("iframe"), link = make("a", "Open it in a tab of its own");
    frame.title = `result for ${work.title}`;
    frame.setAttribute("sandbox", "allow-scripts allow-downloads");
    frame.src = link.href = base + result.page;
    link.target = "_blank";
    link.rel = "noopener";
    shown.append(frame, make("p", "", [link]));
  } else {
    showGroups(shown, result);
  }
  const files = get(article, ".files");
  for (const file of work.files) {
    const link = make("a", `${file.name} (${bytes(file.bytes)})`);
    link.href = `${base}${file.name}?download`;
    link.download = file.name;
    files.append(link, " ");
  }
  const all = make("a", "all in one .zip");
  all.href = `works/${work.number}/all.zip`;
  all.download = "";
  files.prepend("To download: ");
  files.append(all);
}

function addWork(work) {
  const article = document.getElementById("work").content.cloneNode(true).firstElementChild;
  get(article, "h3").textContent = work.title;
  const does = (method, path) => async () => { await ask(method, path).catch(() => {}); look(); };
  get(article, ".stop").addEventListener("click", does("POST", `works/${work.number}/stop`));
  get(article, ".remove").addEventListener("click", does("DELETE", `works/${work.number}`));
  get(article, ".stop").setAttribute("aria-label", `stop the work on ${work.title}`);
  get(article, ".remove").setAttribute("aria-label", `remove the results of ${work.title}`);
  document.getElementById("works").prepend(article);
  return {article, state: ""};
}

const STATES = {receiving: "The files are arriving.", waiting: "It waits for its turn.", running: "At work.", finished: "Finished.",
  failed: "It did not work.", stopped: "Stopped."};

/* The newest result is shown by itself; older ones when they are asked for. */
function update(work, newest) {
  if (!seen.has(work.number)) seen.set(work.number, addWork(work));
  const known = seen.get(work.number), article = known.article, bar = get(article, "progress");
  const going = ["receiving", "waiting", "running"].includes(work.state);
  const stage = get(article, ".stage");
  if (stage.textContent !== STATES[work.state]) stage.textContent = STATES[work.state];
  get(article, ".doing").textContent = !work.seconds ? "" : work.state === "running"
    ? ` ${time(work.seconds)}${work.doing ? `: ${work.doing}` : ""}` : ` (${time(work.seconds)})`;
  bar.hidden = !going;
  if (work.fraction === null) bar.removeAttribute("value"); else bar.value = work.fraction;
  get(article, ".stop").hidden = !going;
  get(article, ".remove").hidden = going;
  if (known.state === work.state) return;
  known.state = work.state;
  const wrong = get(article, ".wrong"), warnings = get(article, ".warnings");
  wrong.textContent = work.words;
  wrong.hidden = !work.words;
  if (work.state === "failed" && work.words.includes("--")) {
    wrong.append("\nWhat begins with -- is under “More settings” above, or a flag of the command line.");
  }
  warnings.replaceChildren(...work.warnings.map(line => make("li", line)));
  warnings.hidden = !work.warnings.length;
  if (work.state === "finished") {
    const result = get(article, ".result"), show = () => showResult(article, work).catch(error => {
      wrong.textContent = error.message;
      wrong.hidden = false;
    });
    result.hidden = false;
    result.addEventListener("toggle", show, {once: true});
    result.open = newest;
  }
}

let looking = null, begun = false;
async function look() {
  clearTimeout(looking);
  let pause = 3000;
  try {
    const works = await ask("GET", "works/");
    for (const work of [...works].reverse()) update(work, begun || work === works[0]);
    begun = true;
    const there = new Set(works.map(work => work.number));
    for (const [number, known] of seen) if (!there.has(number)) { known.article.remove(); seen.delete(number); }
    document.getElementById("none").hidden = works.length > 0;
    document.getElementById("gone").hidden = true;
    if (works.some(work => ["receiving", "waiting", "running"].includes(work.state))) pause = 700;
  } catch (error) {
    document.getElementById("gone").hidden = false;
  }
  clearTimeout(looking);
  looking = setTimeout(look, pause);
}

async function begin() {
  const menu = await ask("GET", "menu/");
  menu.forEach(addDrop);
  look();
}
/* What is dropped beside the three places must not replace the page. */
for (const kind of ["dragover", "drop"]) addEventListener(kind, event => event.preventDefault());
begin().catch(() => { document.getElementById("gone").hidden = false; });
