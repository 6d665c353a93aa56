"use strict";
// Draws the plots of the report from the JSON in the page. No request, no storage: it runs in a sandboxed frame.
const page = JSON.parse(document.getElementById("page-data").textContent);
const { samples, plots, look } = page;
const escapeText = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
// plotly offers to send a chart to its cloud unless told not to: these are patients' data.
const config = {
  responsive: true, displaylogo: false, showSendToCloud: false, plotlyServerURL: "", modeBarButtonsToRemove: ["lasso2d", "select2d"],
};
// WebGL draws thousands of samples faster, but not every browser has it.
const fast = samples.ids.length > look.many && document.createElement("canvas").getContext("webgl") !== null;
const axis = { gridcolor: look.grid, zeroline: false, linecolor: look.muted, ticks: "" };

function dress(layout) {
  const { xaxis, yaxis, ...more } = layout;
  return {
    font: { family: "system-ui, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif", size: 13, color: look.ink },
    margin: { l: 56, r: 12, t: 32, b: 48 }, height: 380, hovermode: "closest", paper_bgcolor: "#fff", plot_bgcolor: "#fff",
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 }, hoverlabel: { align: "left" },
    ...more, xaxis: { ...axis, ...xaxis }, yaxis: { ...axis, ...yaxis },
  };
}

// A still picture of each plot stands behind it for print, where plotly's own size would not fit the paper.
async function draw(id, data, layout) {
  const place = document.getElementById(id);
  await Plotly.react(place, data, layout, config);
  const size = { width: Math.min(place.clientWidth || 760, 800), height: layout.height };
  const still = await Plotly.toImage(place, { format: samples.ids.length > look.many ? "png" : "svg", scale: 2, ...size });
  const picture = document.getElementById(id + "-still");
  picture.src = still;
}

const state = { by: Object.keys(samples.groups)[0], hidden: new Set(), parts: new Set(["train", "val", "test"]) };
const hover = samples.ids.map((id, i) => {
  const lines = Object.entries(samples.groups).map(([kind, group]) => `${kind}: ${escapeText(group.names[group.codes[i]])}`);
  return [`<b>${escapeText(id)}</b>`, ...lines, `part: ${samples.parts[i]}`].join("<br>");
});

function traceGroup(map, group, code, test) {
  const rows = [];
  for (let i = 0; i < group.codes.length; i++) {
    if (group.codes[i] === code && (samples.parts[i] === "test") === test && state.parts.has(samples.parts[i])) rows.push(i);
  }
  const size = samples.ids.length > look.many ? 4 : 6;
  return {
    type: fast ? "scattergl" : "scatter", mode: "markers", showlegend: false, hoverinfo: "text",
    x: rows.map((i) => map.x[i]), y: rows.map((i) => map.y[i]), text: rows.map((i) => hover[i]),
    visible: !state.hidden.has(code),
    marker: {
      color: group.colours[code], symbol: group.symbols[code], size: test ? size + 2 : size, opacity: test ? 1 : 0.4,
      line: { color: look.ink, width: test ? 1 : 0 },
    },
  };
}

function drawMaps() {
  const group = samples.groups[state.by];
  for (const [name, map] of Object.entries(samples.maps)) {
    const codes = group.names.map((_, code) => code);
    const data = [...codes.map((code) => traceGroup(map, group, code, false)), ...codes.map((code) => traceGroup(map, group, code, true))];
    const ticks = { showticklabels: map.ticks };
    const layout = dress({
      height: 480, uirevision: name,
      xaxis: { title: { text: map.axes[0] }, ...ticks }, yaxis: { title: { text: map.axes[1] }, ...ticks },
    });
    draw("map-" + name, data, layout);
  }
}

function drawLegend() {
  const group = samples.groups[state.by];
  const counts = group.names.map((_, code) => group.codes.filter((one) => one === code).length);
  const shapes = { circle: "50%", square: "0", diamond: "0" };
  const chips = group.names.map((name, code) => {
    const chip = document.createElement("button");
    const dot = document.createElement("span");
    chip.type = "button";
    chip.className = "chip";
    chip.setAttribute("aria-pressed", String(!state.hidden.has(code)));
    dot.className = "dot";
    dot.style.background = group.colours[code];
    dot.style.borderRadius = shapes[group.symbols[code]];
    if (group.symbols[code] === "diamond") dot.style.transform = "rotate(45deg) scale(.85)";
    chip.append(dot, `${state.by === "cluster" ? "cluster " : ""}${name} (${counts[code].toLocaleString("en")})`);
    chip.addEventListener("click", () => {
      state.hidden[state.hidden.has(code) ? "delete" : "add"](code);
      chip.setAttribute("aria-pressed", String(!state.hidden.has(code)));
      drawMaps();
    });
    return chip;
  });
  document.getElementById("legend").replaceChildren(...chips);
}

for (const choice of document.querySelectorAll("input[name=by]")) {
  choice.addEventListener("change", () => {
    state.by = choice.value;
    state.hidden.clear();
    drawLegend();
    drawMaps();
  });
}
for (const choice of document.querySelectorAll("input[name=part]")) {
  choice.addEventListener("change", () => {
    for (const part of choice.value.split(" ")) state.parts[choice.checked ? "add" : "delete"](part);
    drawMaps();
  });
}
// A table that is wider than its place is reached, and then scrolled, with the keys.
const tables = new ResizeObserver((changes) => {
  for (const { target } of changes) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
for (const place of document.querySelectorAll(".scroll")) tables.observe(place);
drawLegend();
drawMaps();
for (const [id, plot] of Object.entries(plots)) draw("plot-" + id, plot.data, dress(plot.layout));
