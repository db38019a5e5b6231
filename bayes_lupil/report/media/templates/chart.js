"use strict";
// Charts: the library is unpacked, and each picture gives way to a drawing that fits its place and answers.
(async function () {
  const figures = document.querySelectorAll("figure.chart"), packed = document.getElementById("chart-library");
  const NARROW = 700;  // pixels of width below which the narrow chart is drawn
  if (!figures.length || !packed || typeof DecompressionStream === "undefined") { return; }
  const bytes = Uint8Array.from(atob(packed.textContent.trim()), function (c) { return c.charCodeAt(0); });
  const script = document.createElement("script");
  const text = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  script.textContent = "(function () {" + text + "})();";
  document.head.append(script);
  script.remove();
  packed.remove();

  // The colours of the page, and of the palette that goes with its paper.
  function colours(palettes) {
    const page = getComputedStyle(document.documentElement), found = {};
    const read = function (name) { return page.getPropertyValue("--" + name).trim(); };
    const dot = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    dot.fillStyle = read("paper") || "#ffffff";
    dot.fillRect(0, 0, 1, 1);
    const seen = dot.getImageData(0, 0, 1, 1).data;
    const dark = 0.299 * seen[0] + 0.587 * seen[1] + 0.114 * seen[2] < 128;
    Object.assign(found, palettes[dark ? "dark" : "light"]);
    ["ink", "muted", "rule", "paper", "accent"].forEach(function (name) { found[name] = read(name) || found[name]; });
    return found;
  }

  function save(view, format, name) {
    return view.toImageURL(format, 2).then(function (address) {
      const link = document.createElement("a");
      link.href = address;
      link.download = name;
      link.click();
    });
  }

  async function draw(figure) {
    const held = JSON.parse(figure.dataset.chart), live = figure.querySelector(".live");
    const input = figure.querySelector("input"), output = figure.querySelector("output");
    figure.removeAttribute("data-chart");
    figure.classList.add("drawn");
    let view = null, drawn = "", drawing = Promise.resolve();

    function set() {
      if (!view || !input) { return; }
      const [value, shown, few, more] = held.steps[Number(input.value)];
      view.signal("threshold", value).signal("said", drawn === "narrow" ? few : more).runAsync();
      input.setAttribute("aria-valuetext", shown + ". " + few.join(" "));
      output.textContent = shown;
    }

    async function fit() {
      const width = live.clientWidth, wanted = width < NARROW ? "narrow" : "wide";
      if (!width) { return; }
      if (wanted === drawn) {
        await view.width(width).runAsync();
        return;
      }
      const chart = structuredClone(held[wanted]), palette = colours(held.palettes);
      chart.width = width;
      chart.params.forEach(function (item) { item.value = palette[item.name] || item.value; });
      if (view) { view.finalize(); }
      const made = await window.vegaEmbed(live, chart, { mode: "vega-lite", ast: true, renderer: "svg", actions: false });
      view = made.view;
      drawn = wanted;
      figure.dispatchEvent(new CustomEvent("drawn", { detail: view }));
      const drawing = live.querySelector("svg");
      drawing.setAttribute("role", "img");
      drawing.setAttribute("aria-label", figure.querySelector("img").alt);
      set();
    }

    const fitted = function () { drawing = drawing.then(fit); return drawing; };
    await fitted();
    new ResizeObserver(fitted).observe(live);
    if (input) { input.addEventListener("input", set); }
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", function () {
      requestAnimationFrame(function () {
        if (!view) { return; }
        Object.entries(colours(held.palettes)).forEach(function ([name, value]) { view.signal(name, value); });
        view.runAsync();
      });
    });
    figure.querySelectorAll("a[data-format]").forEach(function (link) {
      link.addEventListener("click", function (event) {
        if (!view) { return; }
        event.preventDefault();
        save(view, link.dataset.format, link.download);
      });
    });
  }

  figures.forEach(function (figure) {
    draw(figure).catch(function (problem) {
      figure.classList.remove("drawn");  // the picture is there
      console.error(problem);
    });
  });
})();
