// The two interactive charts: a customer's score history, and the cumulative gain of contacting the highest scores.
"use strict";

const colour = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();
const lang = document.documentElement.lang, locale = { "zh-Hans": "zh-CN", en: "en-GB" }[lang] || lang;
const day = (seconds) => new Date(seconds * 1000).toLocaleDateString(locale, { timeZone: "UTC", year: "numeric", month: "short", day: "numeric" });
const percent = (share) => share == null ? "–" : `${(share * 100).toFixed(1)}%`;

function axis(values, more = {}) {
  return { stroke: colour("--faint"), grid: { stroke: colour("--line-soft"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif", values, ...more };
}

function colourOf(kind) {
  const sample = document.querySelector(`.event.e-${CSS.escape(kind)}`);
  return sample ? getComputedStyle(sample).backgroundColor : colour("--faint");
}

// Events are drawn on the curve at their day; orders at the bottom, because there are many.
function events(marks) {
  return (plot) => {
    const { ctx } = plot, [at, p] = plot.data, ratio = devicePixelRatio;
    for (const mark of marks) {
      const x = plot.valToPos(mark.at, "x", true);
      const after = at.findIndex((when) => when >= mark.at);
      const share = after > 0 ? (mark.at - at[after - 1]) / (at[after] - at[after - 1]) : 0;
      const value = after < 0 ? p[p.length - 1] : after === 0 ? p[0] : p[after - 1] + share * (p[after] - p[after - 1]);
      const foot = mark.kind === "order";
      const y = foot ? plot.bbox.top + plot.bbox.height - 4 * ratio : plot.valToPos(value, "y", true);
      ctx.beginPath();
      ctx.arc(x, y, (foot ? 2.4 : 5) * ratio, 0, 2 * Math.PI);
      ctx.fillStyle = colourOf(mark.kind);
      ctx.fill();
      if (!foot) { ctx.lineWidth = 1.5 * ratio; ctx.strokeStyle = colour("--sheet"); ctx.stroke(); }
    }
  };
}

function scoreHistory(box) {
  const history = JSON.parse(box.dataset.history);
  const near = (seconds) => history.events.filter((event) => event.kind !== "order" && Math.abs(event.at - seconds) < 16 * 86400).slice(0, 2).map((event) => event.title).join("; ");
  const top = Math.min(1, Math.max(...history.p) * 1.25 + 0.02);
  // Within a quarter, the month alone would repeat under every tick.
  const step = history.at[history.at.length - 1] - history.at[0] < 92 * 86400 ? { day: "numeric", month: "short" } : { year: "2-digit", month: "short" };
  return [{
    height: 220,
    scales: { y: { range: [0, top] } },
    legend: { live: true },
    axes: [
      axis((plot, ticks) => ticks.map((at) => new Date(at * 1000).toLocaleDateString(locale, { timeZone: "UTC", ...step })).map((text, place, all) => text === all[place - 1] ? "" : text), { space: 70, size: 28 }),
      axis((plot, ticks) => ticks.map((share) => `${Math.round(share * 100)}%`), { size: 42 }),
    ],
    series: [
      { label: box.dataset.day, value: (plot, at) => at == null ? "–" : [day(at), near(at)].filter(Boolean).join(" · ") },
      { label: box.dataset.probability, stroke: colour("--more"), width: 2, fill: `${colour("--more")}18`, value: (plot, p) => percent(p), points: { show: false } },
    ],
    hooks: { draw: [events(history.events)] },
  }, [history.at, history.p]];
}

function gain(box) {
  const curve = JSON.parse(box.dataset.gain);
  const series = [
    { label: box.dataset.called, value: (plot, share) => percent(share) },
    { label: box.dataset.found, stroke: colour("--brand"), width: 2, value: (plot, share) => percent(share), points: { show: false } },
    { label: box.dataset.random, stroke: colour("--faint"), width: 1, dash: [4, 4], value: (plot, share) => percent(share), points: { show: false } },
  ];
  const rows = [curve.share, curve.captured, curve.share];
  if (curve.profit) {
    series.push({ label: box.dataset.profit, scale: "money", stroke: colour("--less"), width: 1.5, value: (plot, money) => money == null ? "–" : Math.round(money).toLocaleString("en"), points: { show: false } });
    rows.push(curve.profit);
  }
  const shares = (plot, ticks) => ticks.map((share) => `${Math.round(share * 100)}%`);
  const short = new Intl.NumberFormat(locale, { notation: "compact" });
  const money = axis((plot, ticks) => ticks.map((amount) => short.format(amount)), { scale: "money", side: 1, size: 48, stroke: colour("--less"), grid: { show: false } });
  return [{
    height: 240,
    scales: { x: { time: false, range: [0, 1] }, y: { range: [0, 1] } },
    axes: [axis(shares, { size: 28 }), axis(shares, { size: 42 }), ...(curve.profit ? [money] : [])],
    series,
  }, rows];
}

for (const box of document.querySelectorAll(".chart")) {
  const [options, rows] = box.dataset.history ? scoreHistory(box) : gain(box);
  const plot = new uPlot({ width: box.clientWidth, cursor: { y: false }, ...options }, rows, box);
  new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: options.height })).observe(box);
}
