#!/usr/bin/env bash
# "From: Leeds, To: York" in a booking is taken for the headers of a quoted mail: the rest of the mail, or all of it, is lost.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check email-reply-parser==0.5.12
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version
from email_reply_parser import EmailReplyParser

mail = "From: Leeds\nTo: York\nTwo adults, please."
reply = EmailReplyParser.parse_reply(mail)
print("email-reply-parser", version("email-reply-parser"))
print("expected: the whole mail, which quotes nothing:", repr(mail))
print("seen:", repr(reply))
sys.exit(0 if reply == "" else 1)
PYTHON
