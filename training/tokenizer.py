"""Trains the Llama-style tokenizer: SentencePiece BPE with byte fallback, written as tokenizer.json.

Words that are drawn are kept out of the training text, so capitals and digits stay single signs and
a word is spelled out from what the tower saw, never looked up whole.

    python tokenizer.py --data build/tiny --out build/tokenizer
"""
import argparse
import glob
import json
import os
import pickle
import random
import re

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import dialogue

TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'system' -%}{{ 'SYSTEM: ' }}"
    "{%- if message['content'] is string -%}{{ message['content'] }}"
    "{%- else -%}{%- for part in message['content'] if part['type'] == 'text' -%}{{ part['text'] }}{%- endfor -%}{%- endif -%}"
    "{{ '\\n\\n' }}"
    "{%- elif message['role'] == 'user' -%}{{ 'USER: ' }}"
    "{%- if message['content'] is string -%}{{ message['content'] }}"
    "{%- else -%}"
    "{%- for part in message['content'] if part['type'] in ('image', 'image_url') -%}{{ '<image>\\n' }}{%- endfor -%}"
    "{%- for part in message['content'] if part['type'] == 'text' -%}{{ part['text'] }}{%- endfor -%}"
    "{%- endif -%}{{ '\\n\\n' }}"
    "{%- elif message['role'] == 'assistant' -%}{{ 'ASSISTANT: ' }}"
    "{%- if message['content'] is string -%}{{ message['content'] }}"
    "{%- else -%}{%- for part in message['content'] if part['type'] == 'text' -%}{{ part['text'] }}{%- endfor -%}{%- endif -%}"
    "{{ '</s>' }}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ 'ASSISTANT:' }}{%- endif -%}"
)


def corpus(data, rng):
    """Conversations with the drawn words taken out, and some general English."""
    scenes = []
    for path in sorted(glob.glob(os.path.join(data, "[0-9]*.pkl")))[:6]:
        with open(path, "rb") as f:
            scenes += pickle.load(f)
    world_scenes = [s for s in scenes if not s["foreign"]]
    for scene in scenes:
        drawn = {o["text"] for o in scene["objects"] if o["kind"] == "text"}
        for q, a, _ in dialogue.first_turns(rng, scene, world_scenes, 6):
            if q == q.upper():
                continue
            text = f"USER: \n{q}\n\nASSISTANT: {a}"
            for word in drawn:
                text = re.sub(rf"\b{re.escape(word)}\b", " ", text)
            yield re.sub(r"\b(?!USER|ASSISTANT|SYSTEM|MODEL|LLaVA|I\b)[A-Z]{1,}\b|\d+", " ", text)
    for _ in range(300):
        for q, a, _ in dialogue.without_picture(rng, world_scenes):
            yield f"USER: {q}\n\nASSISTANT: {a}"
    for _ in range(40):
        for s in dialogue.SYSTEMS:
            yield f"SYSTEM: {s}\n\nUSER: "
    from pydoc_data.topics import topics  # plain English that every Python ships
    for text in topics.values():
        for line in text.split("\n"):
            if re.fullmatch(r"[A-Za-z ,.;:'()-]+", line.strip()) and not re.search(r"[A-Z]{2}", line):
                yield line.strip()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--data", default="build/tiny")
    p.add_argument("--out", default="build/tokenizer")
    p.add_argument("--vocab", type=int, default=1536)
    p.add_argument("--seed", type=int, default=3)
    args = p.parse_args()
    bytes_ = [f"<0x{i:02X}>" for i in range(256)]
    train = Tokenizer(models.BPE())
    train.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    # Only while training: merges never cross a space, a line break, a digit or two capitals in a row.
    train.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex("▁"), "merged_with_next"),
        pre_tokenizers.Split(Regex(r"\n+|[0-9]|[^\w▁\n]+"), "isolated")])
    alphabet = [chr(c) for c in range(32, 127)] + ["\n", "▁"]
    trainer = trainers.BpeTrainer(vocab_size=args.vocab - 2 - 3 - 256, initial_alphabet=alphabet, limit_alphabet=len(alphabet),
                                  special_tokens=[], min_frequency=8, show_progress=False, max_token_length=14)
    train.train_from_iterator(corpus(args.data, random.Random(args.seed)), trainer)
    learned = json.loads(train.to_str())["model"]
    pieces = ["<unk>", "<s>", "</s>", *bytes_, *[t for t, _ in sorted(learned["vocab"].items(), key=lambda kv: kv[1]) if t != " "]]
    vocab = {t: i for i, t in enumerate(pieces)}
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in learned["merges"]]
    merges = [m for m in merges if m[0] in vocab and m[1] in vocab and m[0] + m[1] in vocab]
    tok = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tok.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tok.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tok.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    tok.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in ("<unk>", "<s>", "</s>", "<image>", "<pad>")])
    os.makedirs(args.out, exist_ok=True)
    tok.save(os.path.join(args.out, "tokenizer.json"))
    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    dump(args.out, "special_tokens_map.json", {**special, "additional_special_tokens": ["<image>"]})
    added = {str(tok.token_to_id(t)): {"content": t, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
             for t in ("<unk>", "<s>", "</s>", "<image>", "<pad>")}
    dump(args.out, "tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 2048, "add_bos_token": True, "add_eos_token": False,
        "added_tokens_decoder": added, **special, "additional_special_tokens": ["<image>"], "image_token": "<image>",
        "clean_up_tokenization_spaces": False, "padding_side": "left", "processor_class": "LlavaProcessor", "chat_template": TEMPLATE})
    with open(os.path.join(args.out, "chat_template.jinja"), "w") as f:
        f.write(TEMPLATE)
    print("vocabulary", tok.get_vocab_size(), "image", tok.token_to_id("<image>"), "pad", tok.token_to_id("<pad>"))
    for text in ("USER: <image>\nWhat colour is the circle?\n\nASSISTANT: The circle is red.", "ASSISTANT: It says LAMP.",
                 "ASSISTANT: 427", "Wie geht's? Ünïcode", dialogue.HONEST):
        print(tok.encode(text).tokens)


def dump(folder, name, value):
    with open(os.path.join(folder, name), "w") as f:
        json.dump(value, f, indent=2, ensure_ascii=False)
        f.write("\n")


if __name__ == "__main__":
    main()
