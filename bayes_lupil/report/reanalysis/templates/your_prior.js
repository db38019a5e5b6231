// 'Your prior': shows the result of the prior that a reader chooses. All numbers and their words are in the page.
(function () {
  "use strict";

  // The place of the value that is nearest.
  function nearest(values, wanted) {
    let best = 0;
    values.forEach((value, i) => { if (Math.abs(value - wanted) < Math.abs(values[best] - wanted)) best = i; });
    return best;
  }

  // A number as people write it, with a decimal comma too; NaN for anything else.
  function parsed(text) {
    const plain = text.trim().replace(",", ".");
    return /^[0-9]*\.?[0-9]+$/.test(plain) ? Number(plain) : NaN;
  }

  // The prior of a link, as 'prior=MEAN:SD'; null where there is none.
  function ofLink(hash) {
    const found = /^#prior=(-?[0-9.]+):([0-9.]+)$/.exec(hash);
    return found ? { mean: Number(found[1]), sd: Number(found[2]) } : null;
  }

  // Arabic and Hebrew names must not turn the sentence around them.
  const isolated = (name) => (/[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/.test(name) ? "\u2068" + name + "\u2069" : name);

  function resultWords(data, cell, threshold) {
    if (cell.result === null) {
      return "No result: the draws cannot tell under this prior. Fit the model with it (priors.beta in the model file).";
    }
    return "Under this prior the probability that " + isolated(data.active) + " is better than " + isolated(data.control) + " " +
      data.thresholds[threshold] + ": " + cell.result.p[threshold] + ".";
  }

  function start() {
    const source = document.getElementById("yp-data");
    if (source === null) return;
    const data = JSON.parse(source.textContent), part = (name) => document.getElementById("yp-" + name);
    const [mean, sd, meanNumber, sdNumber, threshold] = ["mean", "sd", "mean-number", "sd-number", "threshold"].map(part);
    const beliefs = Array.from(document.querySelectorAll("#yp [data-belief]"));
    const strengths = Array.from(document.querySelectorAll("#yp [data-strength]"));
    const figure = document.querySelector('figure.chart[data-name="prior_likelihood_posterior"]');
    let cell = null, view = null, belief = "", strength = "strong";

    function put(name, text, value) {
      const place = part(name);
      place.textContent = text;
      if (value === undefined || value === null) place.removeAttribute("data-value");
      else place.setAttribute("data-value", String(value));
    }

    function redraw() {
      if (view === null || cell === null) return;
      const density = cell.result === null ? new Array(data.points).fill(0) : cell.result.density;
      view.signal("prior_mean", cell.mean).signal("prior_sd", cell.sd).signal("posterior", density).runAsync();
    }

    function tell() {
      const at = threshold === null ? 0 : Number(threshold.value), result = cell.result;
      part("meaning").textContent = "This prior gives odds ratios from " + cell.range + " a probability of 95 %. Before the data the " +
        "probability of a benefit was " + cell.before + ".";
      part("beyond").textContent = data.thresholds[at] || "";
      put("p-benefit", result ? result.p[at] : "no figure", result && result.value[at]);
      put("p-harm", result ? result.worse : "no figure", result && result.worse_value);
      put("rd", result ? result.difference : "no figure", result && result.median);
      part("result").textContent = resultWords(data, cell, at);
      part("link").href = "#prior=" + Number(cell.mean.toFixed(4)) + ":" + Number(cell.sd.toFixed(4));
      if (threshold !== null) threshold.setAttribute("aria-valuetext", data.thresholds[at]);
      mean.setAttribute("aria-valuetext", "odds ratio " + cell.centre);
      sd.setAttribute("aria-valuetext", cell.sd.toPrecision(2) + ", odds ratios from " + cell.range);
      redraw();
    }

    function show(next, chosen) {
      cell = next;
      belief = chosen || "";
      mean.value = nearest(data.means, cell.mean);
      sd.value = nearest(data.sds.map(Math.log), Math.log(cell.sd));
      meanNumber.value = cell.centre;
      sdNumber.value = Number(cell.sd.toPrecision(3));
      const alone = data.named[belief] !== undefined && data.named[belief + " strong"] === undefined;
      beliefs.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.belief === belief)));
      strengths.forEach((button) => {
        button.setAttribute("aria-pressed", String(belief !== "" && !alone && button.dataset.strength === strength));
        button.disabled = belief === "" || alone;
      });
      tell();
    }

    const named = (name) => data.named[name + " " + strength] || data.named[name];
    const onMap = () => data.cells[Number(sd.value) * data.means.length + Number(mean.value)];
    const typed = (field, slider, values, of) => field.addEventListener("change", () => {
      const wanted = parsed(field.value);
      field.setAttribute("aria-invalid", String(!(wanted > 0)));
      if (wanted > 0) {
        slider.value = nearest(values.map(of), Math.log(wanted));
        show(onMap());
      }
    });
    beliefs.forEach((button) => button.addEventListener("click", () => show(named(button.dataset.belief), button.dataset.belief)));
    strengths.forEach((button) => button.addEventListener("click", () => {
      strength = button.dataset.strength;
      show(named(belief), belief);
    }));
    [mean, sd].forEach((slider) => slider.addEventListener("input", () => show(onMap())));
    typed(meanNumber, mean, data.means, (value) => value);
    typed(sdNumber, sd, data.sds, Math.log);
    if (threshold !== null) threshold.addEventListener("input", tell);

    function ofAddress() {
      const wanted = ofLink(location.hash);
      if (wanted === null) return false;
      const all = data.cells.concat(Object.values(data.named));
      const far = (item) => Math.abs(item.mean - wanted.mean) + Math.abs(Math.log(item.sd / wanted.sd));
      show(all.reduce((one, other) => (far(other) < far(one) ? other : one)));
      document.getElementById("yp").scrollIntoView();
      return true;
    }

    document.getElementById("yp").hidden = false;
    if (!ofAddress()) show(data.named[data.start] || data.cells[0], data.start);
    addEventListener("hashchange", ofAddress);
    if (figure !== null) figure.addEventListener("drawn", (event) => { view = event.detail; redraw(); });
  }

  if (typeof module !== "undefined") module.exports = { nearest, ofLink, parsed, resultWords };
  else start();
})();
