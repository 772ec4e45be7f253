#!/usr/bin/env bash
# Supervisors who agree on all that they rated reach 0.23 of 1, and two who leave the same conversations out gain: nan counts as an answer.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  statsmodels==0.15.0 krippendorff==0.9.0 scipy==1.17.1 numpy==2.4.6 pandas==2.3.3
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import krippendorff
import numpy as np
import statsmodels
from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

out = np.nan
sheets = {
    "three who agree, and left out one each": [[1, 1, 1], [2, 2, out], [1, out, 1], [out, 2, 2]],
    "two, on three conversations": [[1, 1], [2, 2], [1, 2]],
    "the same two, and three conversations that neither rated": [[1, 1], [2, 2], [1, 2], [out, out], [out, out], [out, out]],
}
seen = {}
for name, sheet in sheets.items():
    counts, categories = aggregate_raters(np.array(sheet, float))
    alpha = krippendorff.alpha(reliability_data=np.array(sheet, float).T, level_of_measurement="nominal")
    seen[name] = (round(float(fleiss_kappa(counts)), 3), round(float(alpha), 3), len(categories))
print("statsmodels", statsmodels.__version__)
print("expected: 1 for the first, and the same number for the second and the third, or an error for nan")
for name, (kappa, alpha, categories) in seen.items():
    print("seen:", name, "- fleiss_kappa", kappa, "of", categories, "categories; beside it krippendorff 0.9.0", alpha)
sys.exit(0 if list(seen.values()) == [(0.234, 1.0, 3), (0.333, 0.444, 2), (0.733, 0.444, 3)] else 1)
PYTHON
