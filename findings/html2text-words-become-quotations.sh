#!/usr/bin/env bash
# A line of the author's that begins with a > comes out as a quotation, though lines that begin with -, + or 1. are escaped.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check html2text==2025.4.15
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version
import html2text

def text(html, escape_snob=False):
    converter = html2text.HTML2Text()
    converter.escape_snob = escape_snob
    return converter.handle(html).strip()

lines = ["&gt; 3 lamps are broken", "- 3 lamps are broken", "+ 3 lamps are broken", "3. lamps are broken"]
plain, all_escaped = ([text(f"<p>{line}</p>", snob) for line in lines] for snob in (False, True))
quoted = text("<blockquote><p>3 lamps are broken</p></blockquote>")
print("html2text", version("html2text"))
print("expected: no paragraph whose text is that of a quotation, which is", repr(quoted))
print("seen:", plain, "and with escape_snob", all_escaped)
sys.exit(0 if plain[0] == all_escaped[0] == quoted and all(line.lstrip("3").startswith("\\") for line in plain[1:]) else 1)
PYTHON
