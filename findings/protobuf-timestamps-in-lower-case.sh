#!/usr/bin/env bash
# RFC 3339 allows t and z in lower case; the JSON form of a Timestamp says that it uses RFC 3339, and does not take them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check protobuf==7.36.2
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import google.protobuf
from google.protobuf import json_format, timestamp_pb2

def parsed(text):
    try:
        return json_format.Parse("\"" + text + "\"", timestamp_pb2.Timestamp()).seconds
    except json_format.ParseError as error:
        return "refused: " + str(error)

seen = {text: parsed(text) for text in ("2026-03-01T09:00:00Z", "2026-03-01T09:00:00z", "2026-03-01t09:00:00Z")}
print("protobuf", google.protobuf.__version__)
print("expected: one moment, 1772355600, three times (RFC 3339, 5.6)")
for text, result in seen.items():
    print("seen:", text, result)
first, *others = seen.values()
sys.exit(0 if first == 1772355600 and all(str(other).startswith("refused") for other in others) else 1)
PYTHON
