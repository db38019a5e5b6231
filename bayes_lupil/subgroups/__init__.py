"""Treatment effects by subgroup, shrunk towards each other: by sex, region, baseline activity, or any other factor."""

from bayes_lupil.subgroups.analysis import SubgroupAnalysis, SubgroupRow, subgroup_effects
from bayes_lupil.subgroups.baseline_risk import RiskRow, by_baseline_risk
from bayes_lupil.subgroups.grouping import trial_by

__all__ = ["RiskRow", "SubgroupAnalysis", "SubgroupRow", "by_baseline_risk", "subgroup_effects", "trial_by"]
