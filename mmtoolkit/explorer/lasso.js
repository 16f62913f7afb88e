// The outline that a mouse, a pen or a finger draws over a map; what lies inside is for the caller to say.
const OUTLINE_STEP = 3, OUTLINE_CLICK = 5;

// tool(): "lasso", "box" or "move"; mine(event): whether the press is on the map; ended(corners, event) and tapped(place, event)
// get pixels of the map's element.
const drawOutline = (map, { on, tool, mine, ended, tapped }) => {
  const space = "http://www.w3.org/2000/svg", svg = document.createElementNS(space, "svg"), line = document.createElementNS(space, "path");
  svg.setAttribute("class", "mmx-lasso"); svg.setAttribute("aria-hidden", "true"); svg.append(line); map.append(svg);
  let path = null, start = null;
  const here = e => { const b = map.getBoundingClientRect(); return [e.clientX - b.left, e.clientY - b.top]; };
  const outline = () => tool() === "box" && path.length > 1
    ? [path[0], [path.at(-1)[0], path[0][1]], path.at(-1), [path[0][0], path.at(-1)[1]]] : path;
  const stop = () => { path = null; line.removeAttribute("d"); };
  const begin = e => {
    if (tool() === "move" || !mine(e) || (e.button ?? 0) !== 0) return;
    e.preventDefault(); e.stopImmediatePropagation();
    if (e.type !== "pointerdown") return;
    if (e.isPrimary === false) { stop(); return; }  // two fingers draw nothing
    map.focus({ preventScroll: true }); path = [start = here(e)];
  };
  for (const name of ["pointerdown", "mousedown", "touchstart"]) map.addEventListener(name, begin, { ...on, capture: true, passive: false });
  window.addEventListener("pointermove", e => {
    if (!path) return;
    const p = here(e), q = path.at(-1);
    if (Math.hypot(p[0] - q[0], p[1] - q[1]) < OUTLINE_STEP) return;
    path.push(p); line.setAttribute("d", "M" + outline().map(c => c.join()).join("L") + "Z");
  }, on);
  window.addEventListener("pointercancel", stop, on);
  window.addEventListener("pointerup", e => {
    if (!path) return;
    path.push(here(e));
    const corners = outline(), far = Math.max(...path.map(p => Math.hypot(p[0] - start[0], p[1] - start[1])));
    stop();  // first: what follows may fail
    if (far >= OUTLINE_CLICK) ended(corners, e); else tapped(start, e);
  }, on);
};
