#!/usr/bin/env bash
# In the weighted kappa of ratings from 1 to 5, a 2 beside a 5 is a near miss when nobody happened to give a 3 or a 4.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import sklearn
from sklearn.metrics import cohen_kappa_score

def kappa(ruth, paul, **options):
    return round(float(cohen_kappa_score(ruth, paul, weights="quadratic", **options)), 3)

far = ([1, 2, 5, 5, 2], [1, 5, 5, 2, 2])
near = tuple([3 if rating == 5 else rating for rating in one] for one in far)
seen = kappa(*far), kappa(*near), kappa(*far, labels=[1, 2, 3, 4, 5]), kappa(*near, labels=[1, 2, 3, 4, 5])
print("scikit-learn", sklearn.__version__, "- quadratic weights, two who differ twice")
print("expected: a lower number where they differ by 2 and 5 than where they differ by 2 and 3")
print("seen:", seen[0], "and", seen[1], "- and with the five labels named:", seen[2], "and", seen[3])
sys.exit(0 if seen[0] == seen[1] == 0.643 and seen[2] < 0.4 < 0.6 < seen[3] else 1)
PYTHON
