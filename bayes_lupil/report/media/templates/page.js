"use strict";
// Vector downloads come out of the page itself, so that it can travel alone; folded parts are open in print.
(function () {
  document.querySelectorAll("a.vector").forEach(function (link) {
    const image = link.closest("figure").querySelector("img");
    link.href = image.getAttribute("src");
  });
  let opened = [];
  window.addEventListener("beforeprint", function () {
    opened = Array.from(document.querySelectorAll("details:not([open])"));
    opened.forEach(function (part) { part.open = true; });
  });
  window.addEventListener("afterprint", function () {
    opened.forEach(function (part) { part.open = false; });
  });
})();
