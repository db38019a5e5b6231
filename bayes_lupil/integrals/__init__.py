"""Integrals over site effects: pure numerics, on which the Bayesian models and the mixed logistic regression stand.

`kernel_modes`, `kernels` and `kernel_draws` hold integrals and draws for normal site effects, each with its equations;
`grids` those for site effects that are not normal, whose equations are these.

**The integrand.** For one variable, with cells c, log odds eta_c = o_c + j_c h(z), h a rising function (a quantile at
the normal chance of z) and l(h) the cells' binomial log likelihood,

    f(z) = l(h(z)) - z^2 / 2,
    l(h) = sum_c y_c min(eta_c, 0) - (n_c - y_c) max(eta_c, 0) - n_c log(1 + exp(-|eta_c|)).

This is y log p + (n - y) log(1 - p) with nothing that cancels: y eta - n log(1 + exp(eta)) would be a difference of two
numbers of the size of n |eta|, and |eta| may be 1e100 under a Cauchy prior. l is concave in h, so it has one mode in z
as well; f may have two, one where the prior is and one where the likelihood is.

**How far z matters.** No z can have a log likelihood above the saturated one, l* = sum_c log of the likelihood at
p = y / n. So f(z) <= l* - z^2 / 2, and with f(0) = l(h(0)) as a value that is reached somewhere, f is more than 20 + 5
below its largest value wherever z^2 / 2 > l* - l(h(0)) + 25. A cut of 20 leaves out what is below 2e-9 of the peak's
height, and 5 are a margin for tails that are much longer than the peak is wide.

**The step.** With step d the trapezoid rule, the sum of exp(f) times d, errs for a normal density with SD s by
2 exp(-2 (pi s / d)^2): 5e-9 for d = s, 6e-18 for d = 0.7 s, but 0.014 for d = 2 s. For an integrand that is analytic
only within a distance a of the real axis it errs by about exp(-2 pi a / d); then the error of the rule with every
other point, exp(-pi a / d), is the square root of that, and for a normal density the fourth root. Hence the test: with
S the sum over all points and E that over every other one, 2 E / S must be 1 to within 1e-4 (at a fineness of 1), and S
is then expected to be right to 1e-8. The difference may also be small by chance, where f has no single width: over
20,000 integrals at random sites with t(4) effects log S errs by 1e-10 in the median, by more than 1e-7 in one of a
hundred, and by 3e-5 at most; at twice the nodes (a fineness of 1/2) by 2e-6 at most.

The SD s is not known beforehand. For a parabola -z^2 / (2 s^2) the second difference 2 f_i - f_(i-1) - f_(i+1) is
(d / s)^2, whatever i. Its largest value b where f is near its maximum (within half of the cut) tells the sharpest s as
d / b^(1/2), and a grid of the same length with b^(1/2) / fineness times as many points has the step fineness times s.
Neighbours below the cut are taken to lie at it, or the wall of a likelihood would pass for a bend without end. What is
seen from afar is not exact, so a grid gets 1.4 to 2.5 times the points of the last one that matter, and a tenth more.

**A peak between points.** n patients give a likelihood with an SD of about n^(-1/2), which the first points may
straddle. As l has one mode, it is at or beside the point k where l is largest. For a parabola the sag,
l_k - max(l_(k-2), l_(k+2)), is 2 (d / s)^2 with its top at k, and (d / s)^2 with its top half a step beside k, where it
is higher than at k by (d / s)^2 / 8 = sag / 8; twice that is granted before a peak is said not to matter. A grid with
sag >= 2 fineness^2, so that d may be above fineness times s, will not do whatever the sums say, and gets more points.

**Where nothing matters.** A row of a two-dimensional grid needs no good grid where its integral is negligible. It is
at most the length of the grid times exp(bound), and the bound needs no further evaluations: l is concave in h, so
between h_i and h_(i+1) it lies below the line through points i - 1 and i, of slope r, and below that through i + 1 and
i + 2, of slope -q. They cross, u beyond h_i, where

    l_i + r u = l_(i+1) + q (H - u),    u = (l_(i+1) - l_i + q H) / (r + q),    H = h_(i+1) - h_i.

Away from the largest point l is monotone, and the larger of two neighbours is a bound between them.

**Two variables.** The integral over z_1 and z_2 is taken as one over z_2 of the integral over z_1; the log of the inner
one less z_2^2 / 2 takes the place of f. A factor of (2 pi)^(-1/2) for each variable is put in at the end.

**Draws.** A proposal is drawn from the function q that joins the points (z_i, exp(f_i)) by straight lines, the sum
over i of exp(f_i) times a triangle around z_i: point i is chosen with a chance proportional to exp(f_i), and U - U', U
and U' uniform, has a triangular density. (At the two ends, where the density is negligible, only the inner half of the
triangle is there.) With two variables z_2 is proposed from the outer grid's q_2, and z_1 from the grid of the row at
this z_2, by whose sum S_1 its density is normalised; the log of target over proposal, up to a constant, is then

    (f(z_1 | z_2) - log q_1(z_1)) + (log S_1 - z_2^2 / 2 - log q_2(z_2)).

At a normal density with a step of 0.7 SDs the largest ratio of target to proposal is w = 1.06, and an independence
sampler's distance from the target after 6 steps is (1 - 1 / w)^6 = 4e-8; with a step of one SD, w = 1.13 and 3e-6.
"""
