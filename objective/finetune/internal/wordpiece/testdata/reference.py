"""Answers what the reference tokenizers in some folders make of texts.

    python3 reference.py < question.json > ids.json
"""

import json
import sys

from transformers import AutoTokenizer

question = json.load(sys.stdin)
answers = []
for q in question["tokenizers"]:
    tokenizer = AutoTokenizer.from_pretrained(q["folder"])
    answers.append(tokenizer(question["texts"], truncation=True, max_length=q["max_tokens"])["input_ids"])
json.dump(answers, sys.stdout)
