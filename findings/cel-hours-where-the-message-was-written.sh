#!/usr/bin/env bash
# Without a time zone CEL reads the hours and dates of a timestamp in UTC; the Rust engine reads those of the offset it was written with.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for engine in common-expression-language==0.10.0 cel-python==0.5.0; do
  python3 -m venv "$folder/${engine%%=*}"
  "$folder/${engine%%=*}/bin/pip" install --quiet --disable-pip-version-check "$engine"
done
cat > "$folder/rules.py" <<'PYTHON'
written = ("2026-03-01T00:30:00+02:00", "2026-02-28T22:30:00Z")
rules = [f'timestamp("{text}").{part}()' for part in ("getHours", "getDate") for text in written]
rules.append(" == ".join(f'timestamp("{text}")' for text in written))
PYTHON
cat > "$folder/rust.py" <<'PYTHON'
from importlib.metadata import version
import cel
from rules import rules
seen = [cel.evaluate(rule, {}) for rule in rules]
print("seen: common-expression-language", version("common-expression-language"), *seen)
PYTHON
cat > "$folder/pure.py" <<'PYTHON'
from importlib.metadata import version
import celpy
from rules import rules
env = celpy.Environment()
seen = [env.program(env.compile(rule)).evaluate({}) for rule in rules]
print("beside it: cel-python", version("cel-python"), *[bool(v) if isinstance(v, celpy.celtypes.BoolType) else int(v) for v in seen])
PYTHON
echo "asked: hour, hour, date, date of one moment written with +02:00 and with Z, and whether the two are one"
echo "expected: 22 22 28 28 True"
rust=$("$folder/common-expression-language/bin/python" "$folder/rust.py")
pure=$("$folder/cel-python/bin/python" "$folder/pure.py")
printf '%s\n' "$rust" "$pure"
[[ $rust == *" 0 22 1 28 True" && $pure == *" 22 22 28 28 True" ]]
