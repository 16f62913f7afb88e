// Names on a map, without overlap: each above its place, or below or over it, those that come first first, and hidden where
// there is no room. Of the explorer and of saved maps.
const NAMES_GAP = 2, NAMES_OFF = 6;

// names: [{ e, w, h, x, y }], the element, its size, and its place in the map's own units; at(name) gives pixels [a, b].
const placeNames = (names, at, width, height) => {
  const taken = [];
  for (const p of names) {
    const [a, b] = at(p), seen = a > 0 && b > 0 && a < width && b < height, left = Math.min(Math.max(a - p.w / 2, 2), width - p.w - 2);
    const top = [b - p.h - NAMES_OFF, b + NAMES_OFF, b - p.h / 2].find(t => seen && t >= 0 && t + p.h <= height
      && taken.every(([u, v, s, h]) => left + p.w + NAMES_GAP < u || u + s + NAMES_GAP < left || t + p.h + NAMES_GAP <= v || v + h + NAMES_GAP <= t));
    p.e.style.visibility = top === undefined ? "hidden" : "visible";
    if (top === undefined) continue;
    taken.push([left, top, p.w, p.h]);
    p.e.style.transform = `translate(${left}px, ${top}px)`;
  }
};
