#!/usr/bin/env bash
# A line separator that a customer pasted, which JSON and JSON Lines allow in a text, comes back as a comma: 5 000 EUR as 5,000 EUR.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ndjson==0.3.1
"$folder/venv/bin/python" - <<'PYTHON'
import io, json, sys
from importlib.metadata import version
import ndjson

messages = [{"content": "I paid\u20285 EUR"}, {"content": "Total: 5\u2028000 EUR"}]
text = ndjson.dumps(messages, ensure_ascii=False)
by_lines = [json.loads(line) for line in text.split("\n")]
by_reader = list(ndjson.reader(io.StringIO(text)))
by_loads = ndjson.loads(text)
print("ndjson", version("ndjson"))
print("expected: what was written, as line by line and by ndjson.reader:", by_lines == by_reader == messages, messages)
print("seen by ndjson.loads:", by_loads)
same = by_loads == [{"content": "I paid,5 EUR"}, {"content": "Total: 5,000 EUR"}]
sys.exit(0 if same and by_lines == by_reader == messages else 1)
PYTHON
