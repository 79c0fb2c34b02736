"""Makes vectors.json: what the reference tokenizer makes of texts, with a small
vocabulary and in several configurations.

    python3 vectors.py > vectors.json

Made with transformers 5.23.0 and tokenizers 0.23.3. The vocabulary and the
texts are made here.
"""

import json
import random
import sys

from transformers import BertTokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = "the cat sat on a mat un ##aff ##able ##ness walk ##ing ##ed Berlin berlin uber über straße strasse Straße 10 ##0 ##5 € $ naïve naive cafe 日 本 語 кот кошка ##а ελλας ##ς σ ##σ ش ##م नम ##स ##ते नमस ไทย ##ไ 한국 ᄒ ##ᅡ ##ᆫ ﬁ ##x i ##i̇ İ 🙂 ##🙂".split()
vocabulary = list(dict.fromkeys(SPECIAL + WORDS + list(".,!?'\"-()[]#&%+=<>@^_`{|}~:;/\\*") + ["¿", "—", "«", "»", "。", "。", "…", "٪"] + [c for c in "abcdefghijklmnopqrstuvwxyzABC0123456789"] + ["##" + c for c in "abcdefghijklmnopqrstuvwxyzABC0123456789"]))

texts = [
    "",
    " ",
    "the cat sat on the mat.",
    "The CAT sat; unaffableness!",
    "unaffable unaffablez unaffable日本語x",
    "walking walked walkings",
    "Über die Straße in Berlin, 100€ — naïve café",
    "u\u0308ber cafe\u0301 İstanbul I\u0307 ΕΛΛΑΣ Σ",
    "a\u0000b\u0001c\ufffdd\u200be\u00adf\tg\nh\ri\u000bj\u000ck\u0085l\u2028m\u3000n\u00a0o",
    "x" * 100 + " " + "x" * 101 + " " + "é" * 100,
    "[CLS] [SEP] [MASK] [PAD] [UNK] [mask] x[SEP]y [[SEP]] [SE P] [SEP[SEP]",
    "##ing ## # #x",
    "кот Кошка КОШКА ελλας नमस्ते नमस शम ไทยไ 한국 한 가",
    "ﬁx ﬁ 🙂🙂 👩‍👩‍👧 e\u0301\u0302\u0303",
    "日本語。日本、語 㐀𠀀豈",
    "$10.05 + 5% = <a@b> ^_^ `{|}~` \\ *",
    "the " * 40,
    "the " * 13 + "walking",
    "the " * 14 + "unaffable",
    "¿que? «x» “quoted” … ٪",
    "a\U000110cdb a\u08e2b a\u2e52b \u1c89 \u16a0 \u180e x\u034fy",
    "hello\ud7ffworld",
]
pool = WORDS + SPECIAL + ["\u0301", "\u0308", "\u200d", "\n", "\t", " ", "  ", "X", "É", "Ç", "ñ", "\u0000", "。", "-", "…", "日本", "#", "##"]
draw = random.Random(1)
for _ in range(150):
    texts.append("".join(draw.choice(pool).replace("##", "") + draw.choice(["", "", " "]) for _ in range(draw.randint(1, 14))))

cases = []
for config in (
    {},
    {"do_lower_case": False},
    {"do_lower_case": False, "strip_accents": True},
    {"strip_accents": False},
    {"tokenize_chinese_chars": False},
):
    tokenizer = BertTokenizer(vocab={t: i for i, t in enumerate(vocabulary)}, **config)
    cases.append({**config, "ids": [tokenizer(t, truncation=True, max_length=16)["input_ids"] for t in texts]})
json.dump({"vocabulary": vocabulary, "max_tokens": 16, "texts": texts, "cases": cases}, sys.stdout, ensure_ascii=True, separators=(",", ":"))
