#!/usr/bin/env bash
# An answer to points 4 and 5 answers points 1 and 2 as plain text: the start of a list is not read, the number of an item is.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check inscriptis==2.7.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version
from inscriptis import get_text

by_list = get_text('<ol start="4"><li>No.</li><li>In March.</li></ol>').split("\n")
by_item = get_text('<ol><li value="4">No.</li><li>In March.</li></ol>').split("\n")
print("inscriptis", version("inscriptis"))
print("expected: points 4 and 5 twice")
print("seen: with start on the list", by_list, "and with value on its first item", by_item)
sys.exit(0 if by_list == [" 1. No.", " 2. In March."] and by_item == [" 4. No.", " 5. In March."] else 1)
PYTHON
