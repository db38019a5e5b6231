"use strict";
// What a page does beside being read: vector and pixel downloads come out of the page itself, so that it can travel
// alone; tables may be copied; folded parts are open in print and where a link leads into them; the contents say where
// one is.
(function () {
  const button = function (words, name, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "no-print";
    made.textContent = words;
    made.setAttribute("aria-label", words + ": " + name);
    made.addEventListener("click", function () { act(made); });
    return made;
  };
  const save = function (address, name) {
    const link = document.createElement("a");
    link.href = address;
    link.download = name;
    link.click();
  };

  document.querySelectorAll("a.vector:not([data-format])").forEach(function (link) {
    const image = link.closest("figure").querySelector("img"), name = link.download.replace(/\.svg$/, "");
    link.href = image.getAttribute("src");
    link.after(" ", button("PNG", name, function () {
      const canvas = document.createElement("canvas");
      canvas.width = 3 * image.width;
      canvas.height = 3 * image.height;
      const pen = canvas.getContext("2d");
      pen.fillStyle = "#fff";
      pen.fillRect(0, 0, canvas.width, canvas.height);
      pen.drawImage(image, 0, 0, canvas.width, canvas.height);
      save(canvas.toDataURL("image/png"), name + ".png");
    }));
  });

  const cell = function (text) { return /[",\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text; };
  document.querySelectorAll("table.data").forEach(function (table) {
    const caption = table.caption ? table.caption.textContent.trim() : "table";
    const rows = Array.from(table.rows, (row) => Array.from(row.cells, (one) => one.textContent.trim()));
    const name = (table.dataset.source || caption.slice(0, 40)).replace(/\.csv$/, "").replace(/\W+/g, "_");
    const tools = document.createElement("div");
    tools.className = "tools no-print";
    tools.append(
      button("Copy", caption, function (made) {
        navigator.clipboard.writeText(rows.map((row) => row.join("\t")).join("\n")).then(
          function () { made.textContent = "Copied"; }, function () { made.textContent = "Not allowed here"; });
      }),
      button("CSV", caption, function () {
        const text = "\ufeff" + rows.map((row) => row.map(cell).join(",")).join("\r\n");
        save("data:text/csv;charset=utf-8," + encodeURIComponent(text), name + ".csv");
      }));
    table.after(tools);
  });

  const contents = document.querySelector("details.contents");
  if (contents && matchMedia("(max-width: 71.99rem)").matches) contents.open = false;
  const reveal = function () {
    const to = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let part = to; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
    if (to) to.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();

  const links = new Map(Array.from(document.querySelectorAll("nav a"), (link) => [link.hash.slice(1), link]));
  const spy = new IntersectionObserver(function (seen) {
    for (const entry of seen) {
      if (!entry.isIntersecting || !links.has(entry.target.id)) continue;
      links.forEach(function (link) { link.removeAttribute("aria-current"); });
      links.get(entry.target.id).setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-10% 0px -80% 0px" });
  document.querySelectorAll("main section").forEach(function (part) { spy.observe(part); });

  let opened = [];
  addEventListener("beforeprint", function () {
    opened = Array.from(document.querySelectorAll("details:not([open])"));
    opened.forEach(function (part) { part.open = true; });
  });
  addEventListener("afterprint", function () {
    opened.forEach(function (part) { part.open = false; });
  });
})();
