"use strict";
(() => {
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const data = JSON.parse(document.getElementById("data").textContent);
  const said = document.getElementById("said");

  // --- filters: one verdict, and a part of the name -----------------------------------------
  const chips = $$(".chip");
  const bar = document.querySelector(".chips");
  const search = document.querySelector(".search");
  const tests = $$("[data-verdict]");
  const passing = document.getElementById("passing");
  let verdict = "";

  function filter() {
    const part = search.value.trim().toLowerCase();
    let seen = 0;
    for (const test of tests) {
      const shown = (!verdict || test.dataset.verdict === verdict) && test.dataset.name.toLowerCase().includes(part);
      test.hidden = !shown;
      seen += shown;
    }
    for (const chip of chips) chip.setAttribute("aria-pressed", String(chip.dataset.filter === verdict));
    bar.classList.toggle("filtered", Boolean(verdict));
    for (const table of $$(".overview")) table.hidden = !$$("tbody tr", table).some((row) => !row.hidden);
    if (passing) {
      const some = $$("tbody tr", passing).some((row) => !row.hidden);
      passing.hidden = !some;
      if (some && (verdict || part)) passing.open = true;
    }
    document.querySelector(".nothing").hidden = seen > 0 || tests.length === 0;
  }
  for (const chip of chips) {
    chip.disabled = false;
    chip.addEventListener("click", () => {
      verdict = verdict === chip.dataset.filter ? "" : chip.dataset.filter;
      filter();
    });
  }
  search.hidden = tests.length < 2;
  search.addEventListener("input", filter);

  // --- copying ------------------------------------------------------------------------------
  function select(node) {
    const range = document.createRange();
    range.selectNodeContents(node);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  }
  for (const button of $$(".copy")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const code = button.parentElement.querySelector("code");
      let done = false;
      try {
        await navigator.clipboard.writeText(code.textContent);
        done = true;
      } catch {
        // No permission, or not a secure context: leave the text selected for the keyboard.
        select(code);
        done = document.execCommand("copy");
      }
      button.textContent = done ? "Copied" : "Selected";
      said.textContent = done ? "Command copied" : "Command selected";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
  }

  // --- tables: a stop for the Tab key only where there is something to scroll -------------------
  const fits = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) target.tabIndex = target.scrollWidth > target.clientWidth ? 0 : -1;
    }
  });
  for (const region of $$(".scroll")) fits.observe(region);

  // --- charts: drawn when they come near the screen -------------------------------------------
  const COLOURS = ["#d55e00", "#2a86c9", "#00956d", "#b3599a", "#a07800", "#7a6fd0"];
  const DASHES = ["solid", "6px,3px", "2px,2px", "8px,3px,2px,3px", "10px,4px", "4px,2px,1px,2px"];
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const number = (value) => (typeof value === "number" ? value : null);
  // Plotly takes some tags in its texts for markup; a name is text.
  const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");

  function theme() {
    const style = getComputedStyle(document.documentElement);
    return { ink: style.getPropertyValue("--ink").trim(), line: style.getPropertyValue("--line").trim(), same: style.getPropertyValue("--same").trim() };
  }
  function base() {
    const { ink } = theme();
    return {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: ink, size: 12, family: "system-ui, sans-serif" },
      margin: { l: 66, r: 12, t: 34, b: 40 }, height: 350, hovermode: "x", showlegend: false,
    };
  }
  const config = { displaylogo: false, responsive: true, displayModeBar: false, scrollZoom: false };

  function seriesFigure(picture) {
    const { ink, line } = theme();
    const [reference, ...rest] = picture.runs;
    const truth = reference.values.map(number);
    // Values that are no number (missing, NaN) have no distance; those of a run that is left out are the reference's.
    const distance = (value, index) => (value === null || truth[index] === null ? null : Math.abs(value - truth[index]));
    const others = rest.map((run) => {
      const values = run.values === null ? truth : run.values.map(number);
      return { name: plain(run.name), values, deltas: values.map(distance) };
    });
    const traces = [{
      x: picture.steps, y: truth, name: plain(reference.name), mode: "lines", yaxis: "y",
      line: { color: ink, width: 1.5 }, showlegend: true, hovertemplate: "%{y}",
    }];
    const lone = (values) => (values.length <= 60 ? "lines+markers" : "lines");
    others.forEach((run, index) => {
      const look = { color: COLOURS[index % COLOURS.length], dash: DASHES[index % DASHES.length], width: 2 };
      const common = { x: picture.steps, name: run.name, legendgroup: run.name, line: look, mode: lone(picture.steps), marker: { size: 4 } };
      traces.push({ ...common, y: run.values, yaxis: "y", showlegend: true, hovertemplate: "%{y}" });
      // Equality is blank: a logarithm has no place for it.
      traces.push({ ...common, y: run.deltas.map((delta) => delta || null), yaxis: "y2", showlegend: false, hovertemplate: "|Δ| %{y:.3e}" });
    });
    const axis = { gridcolor: line, zeroline: false, linecolor: line, automargin: true };
    const sizes = others.flatMap((run) => run.deltas).filter((delta) => delta > 0).map(Math.log10);
    const low = sizes.length ? Math.floor(Math.min(...sizes)) : -1;
    const high = sizes.length ? Math.max(Math.ceil(Math.max(...sizes)), low + 1) : 0;
    const layout = {
      ...base(), showlegend: true, legend: { orientation: "h", x: 1, xanchor: "right", y: 1.01, yanchor: "bottom" },
      xaxis: { ...axis, title: { text: "step", standoff: 4 }, anchor: "y" },
      yaxis: { ...axis, domain: [0, 0.38], title: { text: "value", standoff: 4 } },
      yaxis2: { ...axis, domain: [0.5, 1], type: "log", range: [low, high], dtick: Math.ceil((high - low) / 5), exponentformat: "e", title: { text: `|Δ| from ${plain(reference.name)}`, standoff: 4 } },
      annotations: [],
      shapes: [],
    };
    if (picture.first !== null) {
      const steps = picture.steps;
      const early = picture.first - steps[0] < (steps[steps.length - 1] - steps[0]) / 2;
      layout.shapes.push({ type: "line", x0: picture.first, x1: picture.first, y0: 0, y1: 1, xref: "x", yref: "paper", line: { color: "#cc3333", width: 1.5, dash: "dot" } });
      layout.annotations.push({ text: `first difference: step ${picture.first}`, x: picture.first, y: 0.44, xref: "x", yref: "paper", xanchor: early ? "left" : "right", yanchor: "middle", showarrow: false });
    }
    return [traces, layout];
  }

  function heatFigure(picture) {
    const cells = picture.cells.map((row) => row.map(number));
    const sizes = cells.flat().filter((size) => size !== null);
    const low = sizes.length ? Math.min(...sizes) : 0;
    const high = sizes.length ? Math.max(...sizes) : 1;
    const ticks = [low, (low + high) / 2, high];
    const trace = {
      type: "heatmap", z: cells, zmin: high > low ? low : low - 1, zmax: high, hoverongaps: false, xgap: cells[0].length < 40 ? 1 : 0, ygap: cells.length < 40 ? 1 : 0,
      colorscale: [[0, "#fdd0a2"], [1, "#8c2d04"]], customdata: cells.map((row) => row.map((size) => (size === null ? "" : (10 ** size).toExponential(1)))),
      hovertemplate: `${picture.blocks ? "block " : ""}[%{y}, %{x}] |Δ| %{customdata}<extra></extra>`,
      colorbar: { tickvals: ticks, ticktext: ticks.map((size) => (10 ** size).toExponential(0)), thickness: 12, outlinewidth: 0 },
    };
    // a few cells get a tick each: fractions between them would all be written as the same index
    const axis = (cells) => ({ showgrid: false, zeroline: false, automargin: true, tickformat: "d", ...(cells < 8 ? { tick0: 0, dtick: 1 } : { nticks: 8 }) });
    return [[trace], { ...base(), hovermode: "closest", plot_bgcolor: theme().same, xaxis: axis(cells[0].length), yaxis: { ...axis(cells.length), autorange: "reversed" }, margin: { l: 40, r: 10, t: 10, b: 34 } }];
  }

  function draw(place) {
    const picture = data[place.dataset.picture];
    const [traces, layout] = picture.kind === "series" ? seriesFigure(picture) : heatFigure(picture);
    if (!place.classList.contains("drawn")) {
      place.fallback = [...place.childNodes];
      place.replaceChildren();
      place.classList.add("drawn");
    }
    return Plotly.react(place, traces, layout, config).catch(() => restore(place));
  }
  function restore(place) {
    place.classList.remove("drawn");
    place.replaceChildren(...place.fallback);
  }

  if (typeof Plotly === "undefined") return;
  const drawn = new Set();
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      watcher.unobserve(entry.target);
      drawn.add(entry.target);
      draw(entry.target);
    }
  }, { rootMargin: "300px" });
  for (const place of $$("[data-picture]")) watcher.observe(place);
  dark.addEventListener("change", () => drawn.forEach(draw));

  // On paper the plain pictures are sharper, and what is folded would be lost.
  addEventListener("beforeprint", () => {
    for (const place of drawn) { Plotly.purge(place); restore(place); }
    for (const fold of $$("details")) { fold.wasOpen = fold.open; fold.open = true; }
  });
  addEventListener("afterprint", () => {
    drawn.forEach(draw);
    for (const fold of $$("details")) fold.open = fold.wasOpen;
  });
})();
