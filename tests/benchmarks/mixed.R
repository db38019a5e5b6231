# Fits a table of sites by lme4 or rstanarm, over and over, and says how long each took:
#   Rscript mixed.R TABLE.csv METHOD REPEATS BUDGET WARMUP DRAWS OUT
# TABLE.csv has the columns site, arm, responders and n, and for glmer_nested country.
# OUT.json gets seconds (the first call apart), OUT.bin the draws of alpha, beta, tau_u, tau_v (draw fastest, then chain).
argument <- commandArgs(TRUE)
method <- argument[2]
repeats <- as.integer(argument[3])
budget <- as.numeric(argument[4])
warmup <- as.integer(argument[5])
draws <- as.integer(argument[6])
out <- argument[7]
package <- if (method == "stan_glmer") "rstanarm" else "lme4"
if (!requireNamespace(package, quietly = TRUE)) {
  cat(sprintf('{"absent": "R package %s is not installed"}', package), file = paste0(out, ".json"))
  quit(status = 0)
}
suppressPackageStartupMessages(library(package, character.only = TRUE))
options(mc.cores = parallel::detectCores())

d <- read.csv(argument[1], stringsAsFactors = FALSE)
d$site <- factor(d$site)
if (method == "glmer_nested") d$country <- factor(d$country)
d$x <- ifelse(d$arm == "active", 0.5, -0.5)
d$failures <- d$n - d$responders

once <- function() {
  if (method == "glmer_slopes") {
    lme4::glmer(cbind(responders, failures) ~ x + (1 + x || site), data = d, family = binomial)
  } else if (method == "glmer_nested") {
    lme4::glmer(cbind(responders, failures) ~ x + (1 | country/site), data = d, family = binomial)
  } else if (method == "glmer_agq") {
    lme4::glmer(cbind(responders, failures) ~ x + (1 | site), data = d, family = binomial, nAGQ = 25)
  } else {
    rstanarm::stan_glmer(
      cbind(responders, failures) ~ x + (1 | site) + (0 + x | site), data = d, family = binomial,
      prior = rstanarm::normal(0, 1, autoscale = FALSE), prior_intercept = rstanarm::normal(0, 1.5, autoscale = FALSE),
      prior_covariance = rstanarm::decov(1, 1, 1, 1),
      chains = 4, iter = warmup + draws, warmup = warmup, seed = 1, refresh = 0, adapt_delta = 0.95
    )
  }
}

now <- function() as.numeric(Sys.time())
start <- now()
fit <- once()
first <- now() - start
seconds <- numeric(0)
began <- now()
while (first < budget / 2 && length(seconds) < repeats && (length(seconds) < 2 || now() - began < budget)) {
  start <- now()
  fit <- once()
  seconds <- c(seconds, now() - start)
}
if (method == "stan_glmer") {
  names <- c("(Intercept)", "x", "Sigma[site:(Intercept),(Intercept)]", "Sigma[site:x,x]")
  kept <- as.array(fit, pars = names)[, , names, drop = FALSE]
  kept[, , 3:4] <- sqrt(kept[, , 3:4])
  writeBin(as.vector(kept), paste0(out, ".bin"), size = 8)
  divergent <- sum(rstan::get_divergent_iterations(fit$stanfit))
  more <- sprintf('"divergences": %d, "chains": %d', divergent, dim(kept)[2])
} else {
  beta <- summary(fit)$coefficients["x", ]
  more <- sprintf('"beta": [%.17g, %.17g]', beta[1], beta[2])
}
status <- if (file.exists("/proc/self/status")) readLines("/proc/self/status") else character(0)
peak <- as.numeric(gsub("[^0-9]", "", grep("^VmHWM", status, value = TRUE))) / 1024
if (method != "stan_glmer" && length(peak) == 1) {
  more <- sprintf('%s, "peak_mb": %.17g', more, peak)
}
cat(
  sprintf(
    '{"version": "%s", "first": %.17g, "seconds": [%s], %s}',
    as.character(packageVersion(package)), first, paste(sprintf("%.17g", seconds), collapse = ", "), more
  ),
  file = paste0(out, ".json")
)
