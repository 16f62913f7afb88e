// The saved map: what an explorer does without a kernel. Texts of the user are only ever text nodes and attribute values.
const { words, colours, items, range, ramp, start, title } = JSON.parse(document.getElementById("data").textContent);
const { ids, captions, pictures, films, x, y } = items, n = ids.length;
const SHOWN = 60, REACH = 14, EDGE = 8;

const byId = id => document.getElementById(id);
const say = (name, values = {}) => words[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);
const count = number => number.toLocaleString("en-US");
const make = (name, text, attributes = {}) => {
  const e = document.createElement(name);
  if (text !== undefined) e.textContent = text;
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  return e;
};
const press = (text, does, attributes = {}) => {
  const b = make("button", text, { type: "button", ...attributes });
  b.addEventListener("click", does);
  return b;
};

// ---- words of the page, and light or dark
for (const e of document.querySelectorAll("[data-word]")) e.textContent = say(e.dataset.word);
for (const e of document.querySelectorAll("[data-label]")) { e.setAttribute("aria-label", say(e.dataset.label)); e.title = say(e.dataset.label); }
for (const e of document.querySelectorAll("[data-title]")) e.title = say(e.dataset.title);
for (const e of document.querySelectorAll("[data-hint]")) e.placeholder = say(e.dataset.hint);
for (const line of words.helpLines) byId("help").append(make("li", line));
const dark = matchMedia("(prefers-color-scheme: dark)");
let scheme = null;  // null: as the system has it
const paintPage = () => { document.documentElement.dataset.scheme = scheme ?? (dark.matches ? "dark" : "light"); draw(); };
byId("scheme").addEventListener("click", () => { scheme = document.documentElement.dataset.scheme === "dark" ? "light" : "dark"; paintPage(); });
dark.addEventListener("change", () => paintPage());

// ---- which items are shown: every filter must agree
const known = row => Number.isFinite(x[row]) && Number.isFinite(y[row]);
const haystack = captions.map((caption, row) => `${caption} ${ids[row]}`.normalize("NFKC").toLowerCase());
const kept = colours.map(() => new Set()), bounds = colours.map(() => [null, null]);
let by = start.colour, terms = [];
let shown = new Uint8Array(n).fill(1);
const passes = (row, but = -1) => terms.every(term => haystack[row].includes(term)) && colours.every((c, i) => {
  if (i === but) return true;
  if (c.groups) return !kept[i].size || kept[i].has(c.codes[row]);
  const [low, high] = bounds[i], value = c.values[row];
  return (low === null && high === null) || (value !== null && (low === null || value >= low) && (high === null || value <= high));
});
const refilter = () => {
  for (let row = 0; row < n; row++) shown[row] = passes(row) ? 1 : 0;
  if (focus !== null && !shown[focus]) focus = null;
  place(); legend(); filters(); selection(); draw();
};
let typing = null;
byId("query").addEventListener("input", e => {
  clearTimeout(typing);
  typing = setTimeout(() => { terms = e.target.value.normalize("NFKC").toLowerCase().split(/\s+/).filter(Boolean); refilter(); }, 120);
});

// ---- colours and their legend
colours.forEach((c, i) => byId("by").append(make("option", c.title, { value: i })));
byId("by").value = by;
byId("by").addEventListener("change", e => { by = Number(e.target.value); place(); legend(); draw(); });
const toggle = (colour, code) => { if (!kept[colour].delete(code)) kept[colour].add(code); refilter(); };
const held = build => {  // what had the focus has it again
  const key = document.activeElement?.dataset.key;
  build();
  if (key && !document.activeElement?.dataset.key) (document.querySelector(`[data-key="${CSS.escape(key)}"]`) ?? byId("map")).focus({ preventScroll: true });
};
const legend = () => held(() => {
  const c = colours[by], box = byId("legend");
  box.setAttribute("aria-label", c.title);
  byId("scale").hidden = !c.values;
  box.hidden = !c.groups?.length;
  if (c.values) {
    byId("low").textContent = c.low; byId("high").textContent = c.high;
    byId("ramp").style.background = `linear-gradient(90deg, ${ramp.join()})`;
    [byId("from").value, byId("to").value] = bounds[by].map(v => v ?? "");
  }
  const numbers = new Map();
  if (c.groups) for (let row = 0; row < n; row++) if (passes(row, by)) numbers.set(c.codes[row], (numbers.get(c.codes[row]) ?? 0) + 1);
  const top = box.scrollTop;
  box.replaceChildren(...(c.groups ?? []).map((group, code) => {
    const b = press(undefined, () => toggle(by, code), { "aria-pressed": kept[by].has(code), "data-key": `g${by}:${code}`, title: say("onlyThis", { name: group.name }) });
    const mark = make("i", undefined, { class: `mark ${group.symbol}`, "aria-hidden": "true" });
    mark.style.backgroundColor = group.color;
    b.append(mark, " ", make("bdi", group.name), ` ${count(numbers.get(code) ?? 0)}`);
    return b;
  }));
  box.scrollTop = top;
});
for (const [id, side] of [["from", 0], ["to", 1]]) byId(id).addEventListener("change", e => {
  bounds[by][side] = e.target.value === "" ? null : Number(e.target.value); refilter();
});
const filters = () => held(() => {
  const chips = [];
  const chip = (text, off) => { const b = press(undefined, off, { "data-key": `f${chips.length}`, "aria-label": say("filterOff", { name: text }), title: say("filterOff", { name: text }) });
    b.append(make("bdi", text), " ×"); chips.push(b); };
  colours.forEach((c, i) => {
    for (const code of kept[i]) chip(say("fact", { what: c.title, told: c.groups[code].name }), () => toggle(i, code));
    if (bounds[i].some(v => v !== null)) chip(say("fact", { what: c.title, told: bounds[i].map(v => v ?? "").join(" – ") }), () => { bounds[i] = [null, null]; refilter(); });
  });
  byId("filters").replaceChildren(...chips);
});

// ---- the map: a canvas for the dots, elements for the names
const map = byId("map"), canvas = byId("dots"), pen = canvas.getContext("2d");
const dot = Math.min(Math.max(10 - 1.8 * Math.log10(Math.max(n, 1) / 30), 3), 10) / 2;
let view = null, sprites = new Map(), places = [], waiting = false;
let whole = 0; // the scale at which all of the map can be seen
const fitting = () => {
  const [x0, x1, y0, y1] = range;
  return Math.min(map.clientWidth / (x1 - x0), map.clientHeight / (y1 - y0));
};
const fit = () => {
  const [x0, x1, y0, y1] = range;
  view = { x: (x0 + x1) / 2, y: (y0 + y1) / 2, scale: whole = fitting() };
};
const resized = () => { // what was in sight stays in sight, in a narrow window too
  const now = fitting();
  if (view && now > 0) { view.scale *= now / whole; whole = now; }
  draw();
};
const across = row => (x[row] - view.x) * view.scale + map.clientWidth / 2;
const down = row => (view.y - y[row]) * view.scale + map.clientHeight / 2;
const sprite = (color, symbol) => {
  const ratio = devicePixelRatio || 1, key = `${color} ${symbol} ${ratio}`;
  if (sprites.has(key)) return sprites.get(key);
  const s = document.createElement("canvas"), p = s.getContext("2d"), half = dot + 2, r = dot;
  s.width = s.height = Math.ceil(2 * half * ratio);
  p.scale(ratio, ratio); p.translate(half, half); p.beginPath();
  if (symbol === "square") p.rect(-r * .89, -r * .89, r * 1.78, r * 1.78);
  else if (symbol === "diamond") { p.moveTo(0, -r * 1.3); p.lineTo(r * 1.3, 0); p.lineTo(0, r * 1.3); p.lineTo(-r * 1.3, 0); p.closePath(); }
  else if (symbol === "triangle-up") { p.moveTo(0, -r * 1.2); p.lineTo(r * 1.15, r * .8); p.lineTo(-r * 1.15, r * .8); p.closePath(); }
  else if (symbol === "x-thin-open") { p.moveTo(-r, -r); p.lineTo(r, r); p.moveTo(-r, r); p.lineTo(r, -r); p.strokeStyle = color; p.lineWidth = 1.4; }
  else p.arc(0, 0, r, 0, 7);
  if (symbol !== "x-thin-open") { p.fillStyle = color; p.fill(); p.strokeStyle = "#797979"; p.lineWidth = .8; }
  p.stroke();
  sprites.set(key, s);
  return s;
};
const look = row => {
  const c = colours[by];
  if (c.groups) { const group = c.groups[c.codes[row]]; return group ? [group.color, group.symbol] : [ramp[0], "circle"]; }
  const value = c.values[row];
  if (value === null) return ["#9a9a9a", "circle"];
  const share = c.high > c.low ? (value - c.low) / (c.high - c.low) : .5;
  return [ramp[Math.round(Math.min(Math.max(share, 0), 1) * (ramp.length - 1))], "circle"];
};
const draw = () => { if (!waiting) { waiting = true; requestAnimationFrame(paint); } };
const paint = () => {
  waiting = false;
  const w = map.clientWidth, h = map.clientHeight, ratio = devicePixelRatio || 1, style = getComputedStyle(document.documentElement);
  if (!w || !h) return;
  if (!view) fit();
  if (canvas.width !== Math.round(w * ratio) || canvas.height !== Math.round(h * ratio)) { canvas.width = Math.round(w * ratio); canvas.height = Math.round(h * ratio); }
  pen.setTransform(ratio, 0, 0, ratio, 0, 0); pen.clearRect(0, 0, w, h);
  const layer = (wanted, alpha) => {
    pen.globalAlpha = alpha;
    for (let row = 0; row < n; row++) {
      if (!shown[row] || !wanted(row) || !known(row)) continue;
      const a = across(row), b = down(row);
      if (a < -EDGE || b < -EDGE || a > w + EDGE || b > h + EDGE) continue;
      pen.drawImage(sprite(...look(row)), a - dot - 2, b - dot - 2, 2 * dot + 4, 2 * dot + 4);
    }
  };
  const some = chosen().length > 0;
  if (some) layer(row => !selected.has(row), Number(style.getPropertyValue("--dim")));
  layer(row => !some || selected.has(row), .9);
  pen.globalAlpha = 1;
  if (focus !== null && known(focus)) {
    pen.beginPath(); pen.arc(across(focus), down(focus), 11, 0, 7); pen.lineWidth = 3; pen.strokeStyle = "#e4003a"; pen.stroke();
  }
  names(w, h);
};
const place = () => {  // names stand at the median of the dots that are shown; the largest group comes first
  const c = colours[by], rows = (c.groups ?? []).map(() => []);
  if (c.groups) for (let row = 0; row < n; row++) if (shown[row] && known(row) && rows[c.codes[row]]) rows[c.codes[row]].push(row);
  const middle = (of, values) => { const sorted = of.map(row => values[row]).sort((a, b) => a - b); return sorted[sorted.length >> 1]; };
  places = rows.map((of, code) => ({ of, group: c.groups[code] })).filter(({ of, group }) => of.length && group.named)
    .sort((a, b) => b.of.length - a.of.length).slice(0, 200).map(({ of, group }) => {
      const e = make("b", group.name, { dir: "auto" });
      e.style.borderColor = group.color;
      return { e, x: middle(of, x), y: middle(of, y) };
    });
  byId("labels").replaceChildren(...places.map(p => p.e));
  for (const p of places) p.w = p.e.offsetWidth, p.h = p.e.offsetHeight;
};
const names = (w, h) => {
  if (!byId("names").checked) { for (const p of places) p.e.style.visibility = "hidden"; return; }
  placeNames(places, p => [(p.x - view.x) * view.scale + w / 2, (view.y - p.y) * view.scale + h / 2], w, h);
};
byId("names").addEventListener("change", draw);
const zoom = (factor, a = map.clientWidth / 2, b = map.clientHeight / 2) => {
  const u = (a - map.clientWidth / 2) / view.scale, v = (b - map.clientHeight / 2) / view.scale;
  view.x += u - u / factor; view.y -= v - v / factor; view.scale *= factor;
  hide(); draw();
};
byId("in").addEventListener("click", () => zoom(1.5));
byId("out").addEventListener("click", () => zoom(1 / 1.5));
byId("all").addEventListener("click", () => { fit(); draw(); });
new ResizeObserver(resized).observe(map);

// ---- selecting
let tool = "lasso", focus = null, selected = new Set(start.selected);  // also what a filter hides, and shows again later
const chosen = () => [...selected].filter(row => shown[row]);
const take = (rows, mode) => {
  if (mode === "replace") selected = new Set(rows);
  else for (const row of rows) if (mode === "add") selected.add(row); else selected.delete(row);
  galleryLength = SHOWN; selection(); draw();
};
const modeOf = e => e.shiftKey ? "add" : e.altKey ? "remove" : "replace";
const inside = corners => {
  const found = [], xs = corners.map(c => c[0]), ys = corners.map(c => c[1]);
  const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  for (let row = 0; row < n; row++) {
    if (!shown[row] || !known(row)) continue;
    const a = across(row), b = down(row);
    if (a < x0 || a > x1 || b < y0 || b > y1) continue;
    let odd = false;
    for (let i = 0, j = corners.length - 1; i < corners.length; j = i++)
      if (ys[i] > b !== ys[j] > b && a < (xs[j] - xs[i]) * (b - ys[i]) / (ys[j] - ys[i]) + xs[i]) odd = !odd;
    if (odd) found.push(row);
  }
  return found;
};
const near = (a, b, reach) => {
  let best = null, least = reach * reach;
  for (let row = 0; row < n; row++) {
    if (!shown[row] || !known(row)) continue;
    const d = (across(row) - a) ** 2 + (down(row) - b) ** 2;
    if (d <= least) { least = d; best = row; }
  }
  return best;
};
const lookAt = (row, mode = "replace") => { focus = row; if (row !== null && mode !== "replace") take([row], mode); card(); draw(); };
const tap = (at, e) => { const row = near(...at, REACH); hide(); if (row !== null) lookAt(row, modeOf(e)); };
drawOutline(map, { on: {}, tool: () => tool, mine: () => true, ended: (corners, e) => { hide(); take(inside(corners), modeOf(e)); }, tapped: tap });
const setTool = name => {
  tool = name;
  map.classList.toggle("moving", tool === "move");
  for (const b of document.querySelectorAll("[data-tool]")) b.setAttribute("aria-pressed", b.dataset.tool === tool);
};
for (const b of document.querySelectorAll("[data-tool]")) b.addEventListener("click", () => setTool(b.dataset.tool));
byId("every").addEventListener("click", () => take([...ids.keys()].filter(row => shown[row]), "replace"));
byId("clear").addEventListener("click", () => take([], "replace"));

// ---- mouse and keys on the map
let grip = null;
const here = e => { const b = map.getBoundingClientRect(); return [e.clientX - b.left, e.clientY - b.top]; };
map.addEventListener("pointerdown", e => { if (tool === "move" && fingers.size < 2) { grip = { at: here(e), from: here(e) }; map.focus({ preventScroll: true }); } });
addEventListener("pointermove", e => {
  if (!grip) return;
  const at = here(e);
  view.x -= (at[0] - grip.at[0]) / view.scale; view.y += (at[1] - grip.at[1]) / view.scale; grip.at = at;
  hide(); draw();
});
addEventListener("pointerup", e => {
  if (grip && Math.hypot(grip.at[0] - grip.from[0], grip.at[1] - grip.from[1]) < 5) tap(grip.from, e);
  grip = null;
});
const fingers = new Map();  // two of them zoom and move the map, whatever the tool
const spread = () => { const [[a, b], [c, d]] = [...fingers.values()]; return { at: [(a + c) / 2, (b + d) / 2], far: Math.hypot(a - c, b - d) }; };
addEventListener("pointerdown", e => {  // before the outline takes it
  if (e.pointerType !== "touch" || !map.contains(e.target)) return;
  fingers.set(e.pointerId, here(e));
  if (fingers.size > 1) grip = null;
}, true);
addEventListener("pointermove", e => {
  if (!fingers.has(e.pointerId)) return;
  const before = fingers.size === 2 && spread();
  fingers.set(e.pointerId, here(e));
  if (!before) return;
  const { at, far } = spread();
  zoom(far / Math.max(before.far, 1), ...before.at);
  view.x -= (at[0] - before.at[0]) / view.scale; view.y += (at[1] - before.at[1]) / view.scale;
});
for (const name of ["pointerup", "pointercancel"]) addEventListener(name, e => fingers.delete(e.pointerId));
map.addEventListener("wheel", e => {
  if (document.activeElement !== map) return;  // else the page scrolls
  e.preventDefault(); zoom(Math.exp(-e.deltaY / (e.deltaMode ? 12 : 400)), ...here(e));
}, { passive: false });
map.addEventListener("dblclick", () => { fit(); draw(); });
map.addEventListener("pointermove", e => { if (!grip && !e.buttons && e.pointerType !== "touch") tip(near(...here(e), dot + 4), e); });
map.addEventListener("pointerleave", () => hide());
const step = (dx, dy) => {
  if (focus === null) return lookAt(near(map.clientWidth / 2, map.clientHeight / 2, Infinity));
  let best = null, least = Infinity;
  for (let row = 0; row < n; row++) {
    if (!shown[row] || !known(row) || row === focus) continue;
    const a = across(row) - across(focus), b = down(row) - down(focus), along = a * dx + b * dy, aside = Math.abs(a * dy - b * dx);
    if (along > 0 && along + 2 * aside < least) { least = along + 2 * aside; best = row; }
  }
  if (best !== null) lookAt(best);
};
const KEYS = {
  ArrowLeft: () => step(-1, 0), ArrowRight: () => step(1, 0), ArrowUp: () => step(0, -1), ArrowDown: () => step(0, 1),
  Enter: () => focus !== null && take([focus], selected.has(focus) ? "remove" : "add"), " ": () => KEYS.Enter(),
  l: () => setTool("lasso"), b: () => setTool("box"), m: () => setTool("move"), Escape: () => take([], "replace"),
  "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), 0: () => { fit(); draw(); },
};
map.addEventListener("keydown", e => {
  const does = KEYS[e.key];
  if (!does || e.ctrlKey || e.metaKey || e.altKey) return;
  e.preventDefault(); does();
});

// ---- pictures and words of items
const name = row => captions[row] || ids[row];
const face = row => {
  if (!pictures[row]) return make("span", name(row), { class: "words", dir: "auto" });
  const span = make("span", undefined, { class: "pic" });
  span.append(make("img", undefined, { src: pictures[row], alt: name(row) }));
  if (films.includes(row)) span.append(make("i", "▶", { "aria-hidden": "true" }));
  return span;
};
const fact = (c, row) => c.groups ? c.groups[c.codes[row]]?.name : c.values[row] ?? undefined;
const tip = (row, e) => {
  if (row === null) return hide();
  const box = byId("tip"), value = fact(colours[by], row);
  box.replaceChildren(...(pictures[row] ? [face(row)] : []), make("span", name(row), { class: "name", dir: "auto" }));
  if (value !== undefined) { const line = make("small"); line.append(make("bdi", colours[by].title), say("fact", { what: "", told: "" }), make("bdi", value)); box.append(line); }
  box.dataset.row = row; box.hidden = false;
  const w = box.offsetWidth, h = box.offsetHeight;
  box.style.left = `${Math.max(4, e.clientX + 16 + w > innerWidth ? e.clientX - w - 16 : e.clientX + 16)}px`;
  box.style.top = `${Math.max(4, Math.min(e.clientY - h / 2, innerHeight - h - 4))}px`;
};
const hide = () => { byId("tip").hidden = true; };
const card = () => held(() => {
  const box = byId("card");
  box.hidden = focus === null;
  if (focus === null) return;
  const row = focus, side = make("div"), facts = make("dl");
  colours.forEach(c => { const value = fact(c, row); if (value !== undefined) facts.append(make("dt", c.title, { dir: "auto" }), make("dd", value, { dir: "auto" })); });
  side.append(make("b", ids[row], { dir: "auto" }));
  if (captions[row]) side.append(make("p", captions[row], { dir: "auto" }));
  side.append(facts, press(say(selected.has(row) ? "unselect" : "select"), () => { take([row], selected.has(row) ? "remove" : "add"); }, { "data-key": "card" }));
  box.dataset.row = row;
  box.replaceChildren(...(pictures[row] ? [face(row)] : []), side);
});
let galleryLength = SHOWN;
const selection = (told = "") => {
  const total = shown.reduce((a, b) => a + b, 0), rows = chosen();
  byId("told").textContent = [told, say("told", { selected: count(rows.length), shown: count(total), n: count(n) })].filter(Boolean).join(" ");
  byId("copy").disabled = byId("clear").disabled = !rows.length;
  byId("ids").hidden = true;
  held(() => {
    const tiles = rows.slice(0, galleryLength).map(row => {
      const b = press(undefined, e => lookAt(row, e.altKey ? "remove" : "replace"), { class: "item", "data-row": row, "data-key": `i${row}`, title: name(row) });
      b.append(face(row));
      if (pictures[row]) b.append(make("span", name(row), { class: "name", dir: "auto" }));
      return b;
    });
    if (!rows.length) tiles.push(make("p", say(total ? "nothing" : "noneShown")));
    if (rows.length > galleryLength) tiles.push(press(say("more", { n: count(rows.length - galleryLength) }), () => { galleryLength += SHOWN; selection(); }, { class: "more", "data-key": "more" }));
    byId("gallery").replaceChildren(...tiles);
    byId("gallery").dataset.n = rows.length;
  });
  card();
};
byId("copy").addEventListener("click", async () => {
  const text = chosen().map(row => ids[row]).join("\n"), box = byId("ids");
  try { await navigator.clipboard.writeText(text); selection(say("copied", { n: count(chosen().length) })); }
  catch {  // the page stands in a frame, or in an old browser: the ids are there to copy by hand
    box.value = text; box.hidden = false; box.select();
    byId("told").textContent = say("byHand");
  }
});

map.setAttribute("aria-label", say("map", { n: count(n) }));
document.title = title;
setTool("lasso"); paintPage(); refilter();
map.dataset.ready = "1";
