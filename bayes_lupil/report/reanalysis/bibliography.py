"""Works on which the methods of this package rest, each with what it is cited for.

Entries were compared with catalogues and with other software that cites the same works; a DOI that could not be
confirmed there is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BIBLIOGRAPHY", "Reference"]


@dataclass(frozen=True)
class Reference:
    """One reference.

    Attributes
    ----------
    key : str
        Short name, the anchor that others can point to.
    doi : str
        Without a resolver; empty where there is none, or none that could be confirmed.
    used_for : str
        What of the report rests on it.
    """

    key: str
    citation: str
    doi: str
    used_for: str


BIBLIOGRAPHY = (
    Reference(
        "ich_e9r1",
        "International Council for Harmonisation. Addendum on estimands and sensitivity analysis in clinical "
        "trials to the guideline on statistical principles for clinical trials, E9(R1). Step 4, 20 November 2019",
        "",
        "the attributes of the estimand",
    ),
    Reference(
        "hoffman2014",
        "Hoffman MD, Gelman A. The No-U-Turn Sampler: adaptively setting path lengths in Hamiltonian Monte Carlo. "
        "J Mach Learn Res 2014;15:1593-1623",
        "",
        "Markov chains (NUTS)",
    ),
    Reference(
        "seyboldt2026",
        "Seyboldt A, Carlson E, Carpenter B. Preconditioning Hamiltonian Monte Carlo by minimizing Fisher "
        "divergence. arXiv:2603.18845, 2026",
        "",
        "nutpie, the implementation of NUTS that ran",
    ),
    Reference(
        "abrilpla2023",
        "Abril-Pla O et al. PyMC: a modern, and comprehensive probabilistic programming framework in Python. "
        "PeerJ Comput Sci 2023;9:e1516",
        "10.7717/peerj-cs.1516",
        "PyMC, in which the models that NUTS samples are written",
    ),
    Reference(
        "pinheiro1995",
        "Pinheiro JC, Bates DM. Approximations to the log-likelihood function in the nonlinear mixed-effects "
        "model. J Comput Graph Stat 1995;4:12-35",
        "10.1080/10618600.1995.10474663",
        "adaptive Gauss-Hermite quadrature over the effects of sites",
    ),
    Reference(
        "trefethen2014",
        "Trefethen LN, Weideman JAC. The exponentially convergent trapezoidal rule. SIAM Rev 2014;56:385-458",
        "10.1137/130932132",
        "quadrature over effects of sites with heavy tails",
    ),
    Reference(
        "rue2009",
        "Rue H, Martino S, Chopin N. Approximate Bayesian inference for latent Gaussian models by using "
        "integrated nested Laplace approximations. J R Stat Soc B 2009;71:319-392",
        "10.1111/j.1467-9868.2008.00700.x",
        "where importance points are put",
    ),
    Reference(
        "hesterberg1995",
        "Hesterberg T. Weighted average importance sampling and defensive mixture distributions. Technometrics "
        "1995;37:185-194",
        "10.1080/00401706.1995.10484303",
        "importance points from the prior, which bound every weight",
    ),
    Reference(
        "owen2000",
        "Owen A, Zhou Y. Safe and effective importance sampling. J Am Stat Assoc 2000;95:135-143",
        "10.1080/01621459.2000.10473909",
        "weights by the mixture of all proposals",
    ),
    Reference(
        "vehtari2024",
        "Vehtari A, Simpson D, Gelman A, Yao Y, Gabry J. Pareto smoothed importance sampling. J Mach Learn Res "
        "2024;25(72):1-58",
        "",
        "weights of importance samples and of reweighted draws, and k-hat",
    ),
    Reference(
        "vehtari2021",
        "Vehtari A, Gelman A, Simpson D, Carpenter B, Buerkner PC. Rank-normalization, folding, and localization: "
        "an improved R-hat for assessing convergence of MCMC. Bayesian Anal 2021;16:667-718",
        "10.1214/20-BA1221",
        "effective sample sizes, Monte Carlo errors of quantiles, and R-hat of Markov chains",
    ),
    Reference(
        "martin2026",
        "Martin OA, Abril-Pla O, Deklerk J, Axen SD, Carroll C, Hartikainen A, Vehtari A. ArviZ: a modular and "
        "flexible library for exploratory analysis of Bayesian models. J Open Source Softw 2026;11(119):9889",
        "10.21105/joss.09889",
        "ArviZ, which computes the diagnostics",
    ),
    Reference(
        "spiegelhalter1994",
        "Spiegelhalter DJ, Freedman LS, Parmar MKB. Bayesian approaches to randomized trials. J R Stat Soc A "
        "1994;157:357-416",
        "10.2307/2983527",
        "sceptical and optimistic priors of the treatment effect",
    ),
    Reference(
        "matthews2001",
        "Matthews RAJ. Methods for assessing the credibility of clinical trial outcomes. Drug Inf J 2001;35(4)",
        "10.1177/009286150103500442",
        "priors at which the answer would tip",
    ),
    Reference(
        "held2022",
        "Held L, Matthews R, Ott M, Pawel S. Reverse-Bayes methods for evidence assessment and research synthesis. Res "
        "Synth Methods 2022;13:295-314",
        "",
        "priors at which the answer would tip",
    ),
    Reference(
        "newcombe1998",
        "Newcombe RG. Interval estimation for the difference between independent proportions: comparison of eleven "
        "methods. Stat Med 1998;17:873-890",
        "10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I",
        "confidence interval of the risk difference",
    ),
    Reference(
        "miettinen1985",
        "Miettinen O, Nurminen M. Comparative analysis of two rates. Stat Med 1985;4:213-226",
        "10.1002/sim.4780040211",
        "confidence interval of the risk difference",
    ),
    Reference(
        "boschloo1970",
        "Boschloo RD. Raised conditional level of significance for the 2 x 2-table when testing the equality of "
        "two probabilities. Stat Neerl 1970;24:1-9",
        "10.1111/j.1467-9574.1970.tb00104.x",
        "Boschloo's exact test",
    ),
    Reference(
        "lancaster1961",
        "Lancaster HO. Significance tests in discrete distributions. J Am Stat Assoc 1961;56:223-234",
        "",
        "mid-p values",
    ),
    Reference(
        "mantel1959",
        "Mantel N, Haenszel W. Statistical aspects of the analysis of data from retrospective studies of disease. "
        "J Natl Cancer Inst 1959;22:719-748",
        "10.1093/jnci/22.4.719",
        "Cochran-Mantel-Haenszel test and odds ratio, stratified by site",
    ),
    Reference(
        "robins1986",
        "Robins J, Breslow N, Greenland S. Estimators of the Mantel-Haenszel variance consistent in both sparse "
        "data and large-strata limiting models. Biometrics 1986;42:311-323",
        "10.2307/2531052",
        "confidence interval of the Mantel-Haenszel odds ratio",
    ),
    Reference(
        "greenland1985",
        "Greenland S, Robins JM. Estimation of a common effect parameter from sparse follow-up data. Biometrics "
        "1985;41:55-68",
        "10.2307/2530643",
        "Mantel-Haenszel risk difference",
    ),
    Reference(
        "sato1989",
        "Sato T. On the variance estimator for the Mantel-Haenszel risk difference. Biometrics 1989;45:1323-1324",
        "",
        "confidence interval of the Mantel-Haenszel risk difference",
    ),
    Reference(
        "maurer1995",
        "Maurer W, Hothorn L, Lehmacher W. Multiple comparisons in drug clinical trials and preclinical assays: "
        "a-priori ordered hypotheses. In: Vollmar J (ed.), Biometrie in der chemisch-pharmazeutischen Industrie 6. "
        "Fischer, Stuttgart 1995:3-18",
        "",
        "the fixed sequence of hypotheses",
    ),
    Reference(
        "westfall2001",
        "Westfall PH, Krishen A. Optimally weighted, fixed sequence and gatekeeper multiple testing procedures. "
        "J Stat Plan Inference 2001;99:25-40",
        "",
        "adjusted p-values of the fixed sequence",
    ),
    Reference(
        "merkle2019",
        "Merkle EC, Furr D, Rabe-Hesketh S. Bayesian comparison of latent variable models: conditional versus "
        "marginal likelihoods. Psychometrika 2019;84:802-829",
        "10.1007/s11336-019-09679-0",
        "the trial without each site, effects of sites integrated out",
    ),
    Reference(
        "morris1983",
        "Morris CN. Parametric empirical Bayes inference: theory and applications. J Am Stat Assoc 1983;78:47-55",
        "",
        "how far each site is shrunk",
    ),
    Reference(
        "gustafson1996",
        "Gustafson P. Local sensitivity of posterior expectations. Ann Stat 1996;24:174-195",
        "",
        "how much each site still counts",
    ),
    Reference(
        "giordano2018",
        "Giordano R, Broderick T, Jordan MI. Covariances, robustness, and variational Bayes. J Mach Learn Res "
        "2018;19(51):1-49",
        "",
        "how much each site still counts",
    ),
    Reference(
        "marshall2007",
        "Marshall EC, Spiegelhalter DJ. Identifying outliers in Bayesian hierarchical models: a simulation-based "
        "approach. Bayesian Anal 2007;2:409-444",
        "",
        "conflict of a site with the others",
    ),
    Reference(
        "benjamini1995",
        "Benjamini Y, Hochberg Y. Controlling the false discovery rate: a practical and powerful approach to "
        "multiple testing. J R Stat Soc B 1995;57:289-300",
        "10.1111/j.2517-6161.1995.tb02031.x",
        "adjusted conflict p-values over sites",
    ),
    Reference(
        "meng1994",
        "Meng XL. Posterior predictive p-values. Ann Stat 1994;22:1142-1160",
        "",
        "checks of predicted against observed sites",
    ),
    Reference(
        "neuenschwander2016",
        "Neuenschwander B, Wandel S, Roychoudhury S, Bailey S. Robust exchangeability designs for early phase "
        "clinical trials with multiple strata. Pharm Stat 2016;15:123-134",
        "10.1002/pst.1730",
        "sites whose effect may stand alone",
    ),
    Reference(
        "ibrahim2000",
        "Ibrahim JG, Chen MH. Power prior distributions for regression models. Stat Sci 2000;15:46-60",
        "10.1214/ss/1009212673",
        "the way from keeping sites to leaving them out",
    ),
    Reference(
        "vehtari2017",
        "Vehtari A, Gelman A, Gabry J. Practical Bayesian model evaluation using leave-one-out cross-validation "
        "and WAIC. Stat Comput 2017;27:1413-1432",
        "10.1007/s11222-016-9696-4",
        "leave-one-site-out comparison of models",
    ),
    Reference(
        "yao2018",
        "Yao Y, Vehtari A, Simpson D, Gelman A. Using stacking to average Bayesian predictive distributions. "
        "Bayesian Anal 2018;13:917-1007",
        "10.1214/17-BA1091",
        "stacking weights of models",
    ),
    Reference(
        "sivula2020",
        "Sivula T, Magnusson M, Matamoros AA, Vehtari A. Uncertainty in Bayesian leave-one-out cross-validation "
        "based model comparison. arXiv:2008.10296, 2020",
        "10.48550/arXiv.2008.10296",
        "which differences of models are too small to tell",
    ),
)
"""In the order in which a report speaks of them."""
