"""Treatment effects by subgroup, shrunk towards each other: by sex, region, baseline activity, or any other factor."""

from bayes_lupil.subgroups.analysis import SubgroupAnalysis, SubgroupRow, subgroup_effects
from bayes_lupil.subgroups.grouping import trial_by

__all__ = ["SubgroupAnalysis", "SubgroupRow", "subgroup_effects", "trial_by"]
