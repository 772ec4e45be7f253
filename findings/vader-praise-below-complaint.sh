#!/usr/bin/env bash
# A sentence that says that all works scores as negative, below one that says that nothing does.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check vaderSentiment==3.3.2
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

score = SentimentIntensityAnalyzer().polarity_scores
praise, complaint = (score(text)["compound"] for text in ("It works, no issues", "It doesn't work"))
other = score("It works, no problem")["compound"]
print("vaderSentiment", version("vaderSentiment"))
print("expected: \"It works, no issues\" scores above \"It doesn't work\", and about as \"It works, no problem\"")
print("seen:", praise, "and", complaint, "and", other)
sys.exit(0 if praise < 0 <= complaint and other > 0 else 1)
PYTHON
