// 'Your prior': reweights the draws in the page to a normal prior of the reader's choice, by the rules of the Python
// package (smooth_weights, covers, WeightedDraws, probability), and refuses, quantity by quantity, where they cannot tell.
(function () {
  "use strict";

  // ---------------------------------------------------------------- weights
  const EPS = 2.220446049250313e-16;

  function largest(values) {
    let top = -Infinity;
    for (const v of values) if (v > top) top = v;
    return top;
  }

  function normalised(logs) {
    const top = largest(logs), weights = Float64Array.from(logs, (v) => Math.exp(v - top));
    let sum = 0;
    for (const w of weights) sum += w;
    return weights.map((w) => w / sum);
  }

  // Generalised Pareto distribution, Zhang and Stephens 2009, with the weak prior of k at 0.5 that ArviZ has.
  // `x`: the excesses, in ascending order.
  function fitPareto(x) {
    const n = x.length, many = 30 + Math.floor(Math.sqrt(n)), quartile = x[Math.floor(n / 4 + 0.5) - 1];
    const meanLog = (b) => {
      let sum = 0;
      for (const v of x) sum += Math.log1p(-b * v);
      return sum / n;
    };
    const b = [], length = [];
    for (let i = 1; i <= many; i++) {
      const value = (1 - Math.sqrt(many / (i - 0.5))) / (3 * quartile) + 1 / x[n - 1], k = meanLog(value);
      b.push(value);
      length.push(n * (Math.log(-value / k) - k - 1));
    }
    const weights = normalised(length);
    let sum = 0, mean = 0;
    weights.forEach((w, i) => { if (w >= 10 * EPS) { sum += w; mean += w * b[i]; } });
    mean /= sum;
    const k = meanLog(mean);
    return { k: (n * k + 5) / (n + 10), sigma: -k / mean };
  }

  // Pareto-smoothed weights that sum to 1, and k-hat (Vehtari et al. 2024), as ArviZ's psislw with r_eff = 1.
  function smoothWeights(logRatios) {
    const n = logRatios.length, top = largest(logRatios);
    const logs = Float64Array.from(logRatios, (v) => Math.max(v - top, -700));
    const size = Math.floor(n > 225 ? 3 * Math.sqrt(n) : n / 5);
    const sorted = Float64Array.from(logs).sort();
    if (sorted[n - Math.ceil(Math.min(0.2 * n, 3 * Math.sqrt(n)))] === sorted[n - 1]) {
      return { weights: normalised(logs), k: -Infinity };  // the largest are all alike: nothing to smooth
    }
    const low = sorted[n - size], cutoff = Math.exp(sorted[n - size - 1]);
    const found = [];
    for (let i = 0; i < n; i++) if (logs[i] >= low) found.push(i);
    const tail = found.sort((a, c) => logs[a] - logs[c]).slice(-size);
    const { k, sigma } = fitPareto(Float64Array.from(tail, (i) => Math.exp(logs[i]) - cutoff));
    if (Number.isFinite(k)) {
      tail.forEach((index, i) => {
        const log = Math.log1p(-(i + 0.5) / size);
        const value = cutoff + sigma * (k === 0 ? -log : Math.expm1(-k * log) / k);
        logs[index] = Math.min(Math.log(value), 0);  // 0: the largest raw weight
      });
    }
    return { weights: normalised(logs), k };
  }

  // Whether draws made under a normal prior may stand for another: the ratio of the densities, a parabola in z, is at
  // most so large between the quantiles 1e-12 and 1 - 1e-12 of the new prior.
  function covers(set, mean, sd, most) {
    if (set.sd === null) return false;
    const logRatio = (z) => Math.log(set.sd / sd) - 0.5 * z * z + 0.5 * ((mean + sd * z - set.mean) / set.sd) ** 2;
    const end = 7.034484, top = sd < set.sd ? sd * (mean - set.mean) / (set.sd ** 2 - sd ** 2) : end;
    return Math.max(logRatio(-end), logRatio(end), logRatio(Math.max(-end, Math.min(end, top)))) <= most;
  }

  // Weights that turn the prior that a set of draws was made under into another normal one.
  function priorWeights(set, mean, sd) {
    const n = set.beta.length, ratios = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      ratios[i] = 0.5 * ((set.beta[i] - set.mean) / set.sd) ** 2 - 0.5 * ((set.beta[i] - mean) / sd) ** 2;
    }
    if (largest(ratios) + largest(ratios.map((v) => -v)) < 1e-9) {  // the same prior: rounding errors have no tail
      return { weights: new Float64Array(n).fill(1 / n), k: -Infinity };
    }
    return smoothWeights(ratios);
  }

  // Sum of squares of what each point of the parameters contributes: draws that share one are not independent.
  function squares(set, parts) {
    let sum = 0, i = 0;
    if (!set.shared) for (const v of parts) sum += v * v;
    else while (i < parts.length) {
      const beta = set.beta[set.byBeta[i]];
      let one = 0;
      while (i < parts.length && set.beta[set.byBeta[i]] === beta) one += parts[set.byBeta[i++]];
      sum += one * one;
    }
    return sum;
  }

  // Kish's effective size of the draws that `side` holds, no larger than what the draws themselves are worth.
  function effectiveSize(set, weights, side) {
    const part = side ? weights.map((w, i) => (side(i) ? w : 0)) : weights;
    let sum = 0;
    for (const w of part) sum += w;
    const spread = squares(set, part);
    return spread > 0 ? set.worth * sum * sum / spread : 0;
  }

  // Probability of an event and its Monte Carlo standard error; null where too few draws are on one side.
  function chance(data, set, found, event) {
    const weights = found.weights, n = weights.length;
    let p = 0, count = 0;
    for (let i = 0; i < n; i++) if (event[i]) { p += weights[i]; count++; }
    if (found.k === -Infinity) {
      const size = n * set.worth;
      return { p, mcse: Math.sqrt((p * (1 - p) + data.unseen / size) / size) };
    }
    for (const [value, draws, share] of [[1, count, p], [0, n - count, 1 - p]]) {
      const enough = Math.min(data.fewest, share * n * set.worth);
      if (draws * set.worth < data.fewest || effectiveSize(set, weights, (i) => event[i] === value) < enough) return null;
    }
    const spread = squares(set, weights.map((w, i) => w * ((event[i] ? 1 : 0) - p))), rarer = p < 0.5 ? 1 : 0;
    let most = 0;
    for (let i = 0; i < n; i++) if (event[i] === rarer) most = Math.max(most, weights[i]);
    most = (most || largest(weights)) / set.worth;
    return { p: Math.min(Math.max(p, 0), 1), mcse: Math.sqrt(spread / set.worth + data.unseen * most * most) };
  }

  function ascending(values) {
    return Uint32Array.from(values.keys()).sort((a, b) => values[a] - values[b]);
  }

  // `probs` in ascending order: one walk through the draws finds them all.
  function weightedQuantiles(values, order, weights, probs) {
    let i = 0, sum = weights[order[0]];
    return probs.map((q) => {
      while (sum < q && i < order.length - 1) sum += weights[order[++i]];
      return values[order[i]];
    });
  }

  // Weights from one set of draws, and whether they may be used at all.
  function weighed(data, set, mean, sd) {
    if (set.sd === null) return { set, k: NaN, effective: 0, sound: false };
    const found = priorWeights(set, mean, sd), unchanged = found.k === -Infinity;
    const effective = unchanged ? set.worth * set.beta.length : effectiveSize(set, found.weights);
    const sound = unchanged || (covers(set, mean, sd, data.max_log_ratio) && found.k <= data.max_k_hat && effective >= data.min_ess);
    return Object.assign(found, { set, effective, sound: sound && (unchanged || meanHolds(data, set, found)) });
  }

  // Whether mean and interval of the risk difference may be told: k-hat of weight times distance, and draws in the tails.
  function meanHolds(data, set, found) {
    let mean = 0;
    found.weights.forEach((w, i) => { mean += w * set.rd[i]; });
    const logs = found.weights.map((w, i) => Math.log(w) + Math.log(Math.abs(set.rd[i] - mean)));
    if (!(smoothWeights(logs).k <= data.max_k_hat)) return false;
    const [low, high] = weightedQuantiles(set.rd, set.order, found.weights, [0.025, 0.975]);
    return effectiveSize(set, found.weights, (i) => set.rd[i] <= low) >= data.fewest_in_tail &&
      effectiveSize(set, found.weights, (i) => set.rd[i] >= high) >= data.fewest_in_tail;
  }

  // Everything that is shown of one prior, from the set of draws that tells most; `refused` where none can tell. A prior
  // that a set was made under is shown as that fit has it.
  function compute(data, mean, sd) {
    const all = data.sets.map((set) => weighed(data, set, mean, sd));
    const sound = all.filter((item) => item.sound);
    if (!sound.length) return { refused: true, k: all[0].k, effective: all[0].effective };
    const best = sound.find((item) => item.k === -Infinity) ||
      sound.reduce((one, other) => (other.effective > one.effective ? other : one));
    const { set, weights, k, effective } = best;
    const own = k === -Infinity;  // all of its draws said this, and the page may hold fewer
    const [lower, median, upper] = own ? set.told.interval : weightedQuantiles(set.rd, set.order, weights, [0.025, 0.5, 0.975]);
    const event = (name) =>
      own ? { p: set.told[name][0], mcse: set.told[name][1] } : chance(data, set, best, set.events[name]);
    return {
      refused: false, set: data.sets.indexOf(set), k, effective, weights, median, lower, upper,
      benefit: event("benefit"), relevant: event("relevant"), harm: event("harm"),
    };
  }

  // ---------------------------------------------------------------- numbers and words
  function points(value) {
    const size = Math.abs(100 * value), digits = size < 0.095 ? 1 - Math.floor(Math.log10(size)) : 1;
    return size <= 1e-6 ? "0.0" : (value < 0 ? "" : "+") + (100 * value).toFixed(digits);
  }

  function probability(value, error) {
    const [digit, power] = error.toExponential(0).split("e");
    const digits = error > 0 ? Math.min(4, Math.max(2, -Number(power))) : 4;
    let written = value.toFixed(digits);
    if (value >= 1 - 10 ** -digits / 2) written = "> " + (1 - 10 ** -(digits - 1)).toFixed(digits - 1);
    else if (value < 10 ** -digits / 2) written = "< " + (10 ** -(digits - 1)).toFixed(digits - 1);
    const small = error > 0 && Number(power) < -4;
    const shown = small ? digit + "e-" + String(-power).padStart(2, "0") : String(Number(error.toPrecision(1)));
    return written + " (MCSE " + shown + ")";
  }

  // Standard normal distribution function: the rational approximation of the complementary error function in
  // Numerical Recipes, wrong by less than 1.2e-7; two digits are shown.
  function normalCdf(z) {
    const x = Math.abs(z) / Math.SQRT2, t = 1 / (1 + 0.5 * x);
    const series = [0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196,
      1.00002368, -1.26551223].reduce((sum, c) => sum * t + c, 0);
    const tail = 0.5 * t * Math.exp(-x * x + series);
    return z > 0 ? 1 - tail : tail;
  }

  function odds(value) {
    if (value >= 0.005 && value < 1000) return value.toFixed(2);
    return value > 1 ? "above 1000" : "below 0.01";
  }

  // A name that is written from right to left must not turn the sentence around it.
  const isolated = (name) => (/[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/.test(name) ? "\u2068" + name + "\u2069" : name);

  const kHat = (k) => (k === -Infinity ? "none (all weights equal)" : Number.isNaN(k) ? "not defined" : k.toFixed(2));

  function resultWords(data, found) {
    const active = isolated(data.active), control = isolated(data.control);
    const side = data.sign * found.median > 0 ? active : control;
    const told = (item) => (item ? probability(item.p, item.mcse) : "not told");
    const untold = found.benefit && found.relevant && found.harm ? "" : " Not told: fewer than " + data.fewest +
      " effective draws of this page are on one side; fit the model again with this prior (priors.beta in the model file).";
    return "Under your prior, the probability that " + active + " is better than " + control + " (a " +
      (data.sign > 0 ? "higher" : "lower") + " response is the benefit) is " +
      told(found.benefit) + "; that it is better by at least " +
      Number((100 * data.relevant).toPrecision(6)) + " percentage points, " +
      told(found.relevant) + ". The risk difference, " + active + " minus " + control +
      ", is " + points(found.median) + " percentage points (95 % credible interval " + points(found.lower) + " to " +
      points(found.upper) + ")" + (found.median === 0 ? "." : "; its median favours " + side + ".") + untold;
  }

  function meaningWords(data, mean, sd) {
    const far = 1.959963984540054 * sd, before = normalCdf(data.sign * mean / sd);
    return "This prior holds odds ratios between " + odds(Math.exp(mean - far)) + " and " + odds(Math.exp(mean + far)) +
      " for 95 % probable. Before the data it gives a benefit of " + isolated(data.active) + " a probability " +
      (before < 0.01 ? "below 0.01" : before > 0.99 ? "above 0.99" : "of " + before.toFixed(2)) + ".";
  }

  function refusalWords(found) {
    const effective = found.effective < 1 || Number.isNaN(found.effective) ? "below 1" : found.effective.toFixed(0);
    return "These draws cannot tell: this prior asks for effects that hardly any draw has, or reaches further than the " +
      "priors that the draws were made under (k-hat " + kHat(found.k) + ", effective draws " + effective +
      "). Fit the model again with this prior: priors.beta in the model file.";
  }

  // ---------------------------------------------------------------- curves
  const BINS = 200;

  // Weighted density on `BINS` points between low and high: linear binning, then a normal kernel of Silverman's width.
  function density(values, weights, effective, low, high, quartiles) {
    const step = (high - low) / (BINS - 1), bins = new Float64Array(BINS);
    let mean = 0, square = 0;
    for (let i = 0; i < values.length; i++) {
      const w = weights[i], at = (values[i] - low) / step, left = Math.floor(at);
      mean += w * values[i];
      square += w * values[i] * values[i];
      if (left >= 0 && left < BINS - 1) {
        bins[left] += w * (left + 1 - at);
        bins[left + 1] += w * (at - left);
      }
    }
    const sd = Math.sqrt(Math.max(square - mean * mean, 0));
    const spread = Math.min(sd, (quartiles[1] - quartiles[0]) / 1.34) || sd;
    const width = Math.max(0.9 * spread * effective ** -0.2, step);
    const reach = Math.ceil(4 * width / step), curve = new Float64Array(BINS);
    for (let i = 0; i < BINS; i++) {
      for (let j = Math.max(0, i - reach); j <= Math.min(BINS - 1, i + reach); j++) {
        curve[i] += bins[j] * Math.exp(-0.5 * ((i - j) * step / width) ** 2);
      }
      curve[i] /= width * Math.sqrt(2 * Math.PI);
    }
    return curve;
  }

  function curveOf(data, set, weights, effective) {
    const quartiles = weightedQuantiles(set.rd, set.order, weights, [0.25, 0.75]);
    return density(set.rd, weights, effective, data.low, data.high, quartiles);
  }

  function decode(text, Kind) {
    const raw = atob(text), bytes = Uint8Array.from(raw, (c) => c.charCodeAt(0)), view = new DataView(bytes.buffer);
    const size = Kind.BYTES_PER_ELEMENT, read = size === 4 ? "getFloat32" : "getFloat64";
    return Kind.from({ length: bytes.length / size }, (_, i) => view[read](i * size, true));
  }

  // The draws, with what does not depend on the prior; the first set is that of the declared one.
  function prepare(payload) {
    const data = Object.assign({}, payload);
    data.sets = payload.sets.map((given) => {
      const set = Object.assign({}, given), beta = decode(given.beta, Float32Array);
      Object.assign(set, { beta, rd: decode(given.risk_difference, Float32Array), byBeta: ascending(beta) });
      set.order = ascending(set.rd);
      set.worth = Math.min(given.ess / beta.length, 1);
      const events = (test) => Uint8Array.from(set.rd, (v) => (test(data.sign * v) ? 1 : 0));
      set.events = {
        benefit: events((v) => v > 0), relevant: events((v) => v >= data.relevant), harm: events((v) => v < -data.harm),
      };
      return set;
    });
    const first = data.sets[0], size = first.rd.length, at = (q) => first.rd[first.order[Math.round(q * (size - 1))]];
    const ends = [at(0.001), at(0.999), 0, 1.2 * data.sign * data.relevant], margin = 0.08 * (at(0.999) - at(0.001));
    data.low = Math.min(...ends) - margin;
    data.high = Math.max(...ends) + margin;
    data.declaredCurve = curveOf(data, first, new Float64Array(size).fill(1 / size), first.worth * size);
    return data;
  }

  // ---------------------------------------------------------------- drawing
  function element(parent, name, attributes, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const key of Object.keys(attributes)) made.setAttribute(key, attributes[key]);
    if (text !== undefined) made.textContent = text;
    parent.appendChild(made);
    return made;
  }

  function ticks(low, high, most) {
    const steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1], step = steps.find((s) => (high - low) / s <= most) || 1;
    const found = [];
    for (let i = Math.ceil(low / step); i * step <= high; i++) found.push(i * step);
    return found;
  }

  // One unit of the viewBox is one pixel, so that text keeps its size on a narrow screen.
  function draw(holder, data, curve, label, width) {
    const height = 270, top = 46, bottom = height - 46, side = 12;
    const x = (value) => side + (value - data.low) / (data.high - data.low) * (width - 2 * side);
    const at = (i) => x(data.low + i / (BINS - 1) * (data.high - data.low));
    const most = Math.max(largest(data.declaredCurve), curve ? largest(curve) : 0);
    const y = (value) => bottom - value / most * (bottom - top);
    const line = (values) => Array.from(values, (v, i) => (i ? "L" : "M") + at(i).toFixed(1) + " " + y(v).toFixed(1)).join("");
    const ink = "var(--ink, #1b1f24)", muted = "var(--muted, #57606a)";
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    for (const [key, value] of [["viewBox", "0 0 " + width + " " + height], ["role", "img"], ["aria-label", label]]) {
      svg.setAttribute(key, value);
    }
    holder.replaceChildren(svg);
    if (curve) {
      // the two sides of no difference, each shaded up to the curve
      const zero = x(0), filled = line(curve) + "L" + at(BINS - 1) + " " + bottom + "L" + at(0) + " " + bottom + "Z";
      const better = data.sign > 0 ? [zero, width] : [0, zero], worse = data.sign > 0 ? [0, zero] : [zero, width];
      for (const [name, range, colour] of [["yp-better", better, "var(--benefit, #cde3f0)"],
        ["yp-worse", worse, "var(--harm, #f2c9b8)"]]) {
        const clip = element(svg, "clipPath", { id: name });
        element(clip, "rect", { x: range[0], y: 0, width: Math.max(range[1] - range[0], 0), height });
        element(svg, "path", { d: filled, fill: colour, "clip-path": "url(#" + name + ")" });
      }
      element(svg, "path", { d: line(curve), fill: "none", stroke: ink, "stroke-width": 2 });
    } else {
      element(svg, "rect", { x: side, y: top, width: width - 2 * side, height: bottom - top, fill: "var(--rule, #d5dae0)" });
    }
    element(svg, "path", { d: line(data.declaredCurve), fill: "none", stroke: muted, "stroke-width": 1.5, "stroke-dasharray": "6 4" });
    element(svg, "path", { d: "M" + side + " " + bottom + "H" + (width - side), stroke: ink });
    element(svg, "path", { d: "M" + x(0) + " " + top + "V" + bottom, stroke: ink });
    const mark = x(data.sign * data.relevant);
    element(svg, "path", { d: "M" + mark + " " + (top - 4) + "V" + bottom, stroke: muted, "stroke-dasharray": "2 3" });
    const clear = (value, room) => Math.min(Math.max(value, room), width - room);  // words stay inside
    const important = Number((100 * data.relevant).toPrecision(6)) + " points better";
    element(svg, "text", { x: clear(mark, 60), y: top - 9, "text-anchor": "middle" }, important);
    for (const value of ticks(data.low, data.high, width < 480 ? 5 : 9)) {
      element(svg, "path", { d: "M" + x(value) + " " + bottom + "v5", stroke: ink });
      const shown = Math.round(100 * value);
      element(svg, "text", { x: clear(x(value), 14), y: bottom + 19, "text-anchor": "middle" }, (shown > 0 ? "+" : "") + shown);
    }
    element(svg, "text", { x: width / 2, y: height - 8, "text-anchor": "middle" }, "risk difference, percentage points");
    const right = data.sign > 0 ? [data.active, "active arm"] : [data.control, "control arm"];
    const left = data.sign > 0 ? [data.control, "control arm"] : [data.active, "active arm"];
    for (const [names, anchor, from, words] of [[left, "start", side, (n) => "\u2190 " + n + " better"],
      [right, "end", width - side, (n) => n + " better \u2192"]]) {
      const text = element(svg, "text", { x: from, y: 16, "text-anchor": anchor }, words(isolated(names[0])));
      if (text.getComputedTextLength() > width / 2 - 24) text.textContent = words(names[1]);  // a very long name
    }
  }

  // ---------------------------------------------------------------- the page
  function start() {
    const source = document.getElementById("yp-data");
    if (source === null) return;
    const data = prepare(JSON.parse(source.textContent));
    const part = (name) => document.getElementById("yp-" + name);
    const [mean, sd, meanNumber, sdNumber] = ["mean", "sd", "mean-number", "sd-number"].map(part);
    const buttons = Array.from(document.querySelectorAll("#yp [data-preset]"));
    const plot = part("plot"), refusal = part("refusal"), result = part("result");
    let chosen = { mean: 0, sd: 1 }, pending = false, shown = { curve: null, label: "" }, width = 0;
    sd.min = Math.log10(data.sds[0]);
    sd.max = Math.log10(data.sds[1]);

    function put(name, text, value, mcse) {
      const cell = part(name);
      cell.textContent = text;
      cell.removeAttribute("data-value");
      cell.removeAttribute("data-mcse");
      if (value !== undefined) cell.setAttribute("data-value", String(value));
      if (mcse !== undefined) cell.setAttribute("data-mcse", String(mcse));
    }

    function redraw() {
      width = Math.min(Math.floor(plot.clientWidth), 900);
      if (width > 0) draw(plot, data, shown.curve, shown.label, Math.max(width, 270));  // narrower, it is scaled
    }

    // No number may stand that belongs to another prior.
    function refuse(words) {
      for (const name of ["p-benefit", "p-relevant", "p-harm", "rd"]) put(name, "no figure");
      refusal.textContent = words;
      refusal.hidden = false;
      result.textContent = "No result under this prior.";
      shown = { curve: null, label: "No result under this prior; only the posterior under the declared prior is drawn." };
      redraw();
    }

    function update() {
      pending = false;
      const within = (value, [low, high]) => Number.isFinite(value) && value >= low - 1e-9 && value <= high + 1e-9;
      const okMean = within(chosen.mean, data.means), okSd = within(chosen.sd, data.sds);
      meanNumber.setAttribute("aria-invalid", String(!okMean));
      sdNumber.setAttribute("aria-invalid", String(!okSd));
      if (!okMean || !okSd) {
        put("ess", "");
        put("khat", "");
        part("meaning").textContent = "";
        refuse("Give a mean between " + data.means[0] + " and " + data.means[1] + ", and a standard deviation between " +
          data.sds[0] + " and " + data.sds[1] + ".");
        return;
      }
      mean.setAttribute("aria-valuetext", chosen.mean.toFixed(2) + ", odds ratio " + odds(Math.exp(chosen.mean)));
      sd.setAttribute("aria-valuetext", chosen.sd.toPrecision(2));
      part("meaning").textContent = meaningWords(data, chosen.mean, chosen.sd);
      const found = compute(data, chosen.mean, chosen.sd);
      put("ess", found.effective.toFixed(0), found.effective);
      put("khat", kHat(found.k), found.k);
      if (found.refused) {
        refuse(refusalWords(found));
        return;
      }
      refusal.hidden = true;
      refusal.textContent = "";
      for (const name of ["benefit", "relevant", "harm"]) {
        if (found[name] === null) put("p-" + name, "no figure");
        else put("p-" + name, probability(found[name].p, found[name].mcse), found[name].p, found[name].mcse);
      }
      put("rd", points(found.median) + " (" + points(found.lower) + " to " + points(found.upper) + ")", found.median);
      result.textContent = resultWords(data, found);
      shown = { curve: curveOf(data, data.sets[found.set], found.weights, found.effective), label: "Density of the risk difference. " + result.textContent };
      redraw();
    }

    // `from`: the control that the change came through, which is left as it is while it is being used
    function choose(next, from) {
      chosen = next;
      if (from !== mean && Number.isFinite(chosen.mean)) mean.value = chosen.mean;
      if (from !== sd && chosen.sd > 0) sd.value = Math.log10(chosen.sd);
      if (from !== meanNumber && Number.isFinite(chosen.mean)) meanNumber.value = Number(chosen.mean.toFixed(4));
      if (from !== sdNumber && Number.isFinite(chosen.sd)) sdNumber.value = Number(chosen.sd.toPrecision(4));
      for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.preset === next.preset));
      if (!pending) {
        pending = true;
        requestAnimationFrame(update);
      }
    }

    const number = (field) => (field.value.trim() === "" ? NaN : Number(field.value));
    // SDs of the slider in three digits: what the number beside it shows is what is used
    const ofSlider = () => Number((10 ** Number(sd.value)).toPrecision(3));
    mean.addEventListener("input", () => choose({ mean: Number(mean.value), sd: chosen.sd }, mean));
    sd.addEventListener("input", () => choose({ mean: chosen.mean, sd: ofSlider() }, sd));
    meanNumber.addEventListener("input", () => choose({ mean: number(meanNumber), sd: chosen.sd }, meanNumber));
    sdNumber.addEventListener("input", () => choose({ mean: chosen.mean, sd: number(sdNumber) }, sdNumber));
    // a step of 1, as browsers have it, is too long here: the arrows of a number move its slider
    for (const [field, slider] of [[meanNumber, mean], [sdNumber, sd]]) {
      field.addEventListener("keydown", (event) => {
        if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
        event.preventDefault();
        if (event.key === "ArrowUp") slider.stepUp();
        else slider.stepDown();
        slider.dispatchEvent(new Event("input"));
      });
    }
    const preset = (name) => data.presets.find((item) => item.name === name);
    const take = (item) => choose({ mean: item.mean, sd: item.sd, preset: item.name }, null);
    for (const button of buttons) button.addEventListener("click", () => take(preset(button.dataset.preset)));

    part("p-benefit").closest("#yp").hidden = false;
    chosen = { mean: preset(data.start).mean, sd: preset(data.start).sd };
    take(preset(data.start));
    update();  // at once, so that the page is never seen without its numbers
    new ResizeObserver(() => {
      if (Math.min(Math.floor(plot.clientWidth), 900) !== width) requestAnimationFrame(redraw);
    }).observe(plot);
  }

  if (typeof module !== "undefined") {
    module.exports = { chance, compute, covers, curveOf, normalCdf, points, prepare, priorWeights, probability, smoothWeights };
  } else {
    start();
  }
})();
