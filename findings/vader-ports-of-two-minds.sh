#!/usr/bin/env bash
# "I have no complaints" is praise by VADER in Python and a complaint by its port to JavaScript, and "Not bad at all" likewise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check vaderSentiment==3.3.2
npm install --silent --no-audit --no-fund --prefix "$folder" vader-sentiment@1.1.3
cat > texts.json <<'JSON'
["I have no complaints", "Not bad at all", "Thank you, it works now"]
JSON
cat > run.mjs <<'JAVASCRIPT'
import { readFileSync } from "node:fs";
import vader from "vader-sentiment";

for (const text of JSON.parse(readFileSync("texts.json", "utf8"))) {
  console.log(vader.SentimentIntensityAnalyzer.polarity_scores(text).compound);
}
JAVASCRIPT
cat > run.py <<'PYTHON'
import json
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

for text in json.load(open("texts.json")):
    print(SentimentIntensityAnalyzer().polarity_scores(text)["compound"])
PYTHON
python=$("$folder/venv/bin/python" run.py | paste -sd ' ')
javascript=$(node run.mjs | paste -sd ' ')
cat texts.json
echo "expected: the same three numbers twice"
echo "seen: vaderSentiment 3.3.2 (PyPI) $python"
echo "seen: vader-sentiment 1.1.3 (npm) $javascript"
[[ $python == "0.3089 0.431 0.3612" && $javascript == "-0.5994 -0.5423 0.3612" ]]
