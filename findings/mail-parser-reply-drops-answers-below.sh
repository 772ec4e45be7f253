#!/usr/bin/env bash
# What its author wrote below a quotation, as in any answer to single points, is lost with the quotation.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mail-parser-reply==1.36
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version
from mailparser_reply import EmailReplyParser

mail = """See below.

On Tue, 14 Mar 2023 at 09:12, Support <help@shop.example> wrote:
> Which lamp is broken?

The green one."""
reply = EmailReplyParser(languages=["en"]).parse_reply(mail)
print("mail-parser-reply", version("mail-parser-reply"))
print("expected: both sentences of the author:", repr("See below.\n\nThe green one."))
print("seen:", repr(reply))
sys.exit(0 if reply == "See below." else 1)
PYTHON
