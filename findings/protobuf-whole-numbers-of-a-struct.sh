#!/usr/bin/env bash
# A ticket id in a Struct leaves Python's JSON form as 35436.0; the JavaScript form has 35436.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check protobuf==7.36.2
npm install --silent --no-audit --no-fund --prefix "$folder" @bufbuild/protobuf@2.17.0
cat > run.py <<'PYTHON'
from google.protobuf import json_format, struct_pb2

print(json_format.MessageToJson(json_format.Parse('{"ticket_id": 35436}', struct_pb2.Struct()), indent=None))
PYTHON
cat > run.mjs <<'JAVASCRIPT'
import { fromJsonString, toJsonString } from "@bufbuild/protobuf";
import { StructSchema } from "@bufbuild/protobuf/wkt";

console.log(toJsonString(StructSchema, fromJsonString(StructSchema, "{\"ticket_id\": 35436}")));
JAVASCRIPT
python=$("$folder/venv/bin/python" run.py)
javascript=$(node run.mjs)
echo "expected: {\"ticket_id\":35436}, as it was read, by both"
echo "seen: protobuf 7.36.2 (PyPI) $python"
echo "seen: @bufbuild/protobuf 2.17.0 $javascript"
[[ $python == '{"ticket_id": 35436.0}' && $javascript == '{"ticket_id":35436}' ]]
