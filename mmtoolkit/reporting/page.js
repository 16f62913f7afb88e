"use strict";
(() => {
  const plots = [...document.querySelectorAll(".js-plotly-plot")];
  for (const g of plots) {
    if (g.clientWidth >= 560) continue;
    Plotly.update(g, { showscale: false }, {
      "xaxis.tickfont.size": 9, "yaxis.tickfont.size": 9, "legend.font.size": 10, "coloraxis.showscale": false, dragmode: false });
  }
  for (const figure of document.querySelectorAll("[data-links]")) {  // a click on a cell leads to its column's pictures
    const places = figure.dataset.links.split(" ");
    figure.querySelector(".js-plotly-plot")?.on("plotly_click", (e) => { location.hash = places[e.points[0].x] ?? ""; });
  }
  document.querySelectorAll("details").forEach((d) => d.addEventListener("toggle", () =>
    d.querySelectorAll(".js-plotly-plot").forEach((g) => Plotly.Plots.resize(g))));
  window.addEventListener("beforeprint", () => plots.forEach((g) => Plotly.Plots.resize(g)));
  const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.hash.slice(1), a]));
  const spy = new IntersectionObserver((seen) => {
    for (const s of seen) if (s.isIntersecting) {
      links.forEach((a) => a.classList.remove("here"));
      links.get(s.target.id)?.classList.add("here");
    }
  }, { rootMargin: "-10% 0px -75% 0px" });
  document.querySelectorAll("section[id]").forEach((s) => spy.observe(s));
})();
