#!/usr/bin/env bash
# Three customers who give the same rating have an interval of nan, of no width, or none at all, depending on the method.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check scipy==1.17.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import math, sys, warnings
import numpy as np
import scipy
from scipy import stats

warnings.simplefilter("ignore")
answers = [5, 5, 5]
t = stats.t.interval(0.95, len(answers) - 1, loc=np.mean(answers), scale=stats.sem(answers))
boot = {m: stats.bootstrap((np.array(answers),), np.mean, method=m, rng=1).confidence_interval for m in ("percentile", "BCa")}
wilson = stats.binomtest(3, 3).proportion_ci(method="wilson")
print("scipy", scipy.__version__)
print("expected: methods that agree about three ratings of 5, or an error")
print("seen: t", tuple(map(float, t)), "percentile", tuple(map(float, boot["percentile"])), "BCa", tuple(map(float, boot["BCa"])))
print("beside it: three hits of three by Wilson", (float(wilson.low), float(wilson.high)))
same = all(map(math.isnan, t)) and tuple(boot["percentile"]) == (5.0, 5.0) and all(map(math.isnan, boot["BCa"])) and 0.4 < wilson.low < 0.5
sys.exit(0 if same else 1)
PYTHON
