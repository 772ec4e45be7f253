#!/usr/bin/env bash
# A sentence that begins with On and a later line that ends in wrote: are read as the header of a quotation: the words are lost.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check email-reply-parser==0.5.12
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version
from email_reply_parser import EmailReplyParser

mail = "Hi,\nOn Tuesday the router stopped.\nMy neighbour wrote:\nyou must restart it.\nI did."
reply = EmailReplyParser.parse_reply(mail)
print("email-reply-parser", version("email-reply-parser"))
print("expected: the whole mail, which quotes nothing:", repr(mail))
print("seen:", repr(reply))
sys.exit(0 if reply == "Hi," else 1)
PYTHON
