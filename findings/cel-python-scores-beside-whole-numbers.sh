#!/usr/bin/env bash
# A score of 4.0 may be asked whether it is 4 or more, but not whether it is 4; and a whole number may not be set beside a fraction at all.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check cel-python==0.5.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version
import celpy

env = celpy.Environment()
facts = {"t": celpy.json_to_cel({"score": 4.0, "replies": 4})}

def answer(rule):
    try:
        return bool(env.program(env.compile(rule)).evaluate(facts))
    except celpy.CELEvalError as error:
        return "refused: " + str(error.args[0]).split(" applied")[0]

seen = {rule: answer(rule) for rule in ("t.score >= 4", "t.score == 4", "t.replies > 3.5", "3.5 < t.replies")}
print("cel-python", version("cel-python"))
print("expected: true four times (CEL compares numbers on one line, whatever their types), or a refusal four times")
for rule, result in seen.items():
    print("seen:", rule, "is", result)
values = list(seen.values())
sys.exit(0 if values[0] is True and values[3] is True and all(str(v).startswith("refused") for v in values[1:3]) else 1)
PYTHON
