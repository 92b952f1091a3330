"""Writes the Hugging Face checkpoint from a trained state and proves that transformers agrees with it.

    python export.py --state build/stage3.pt --tokenizer build/tokenizer --out ../inference/checkpoints/firellava-tiny
"""
import argparse
import os
import shutil
import tempfile

import numpy as np
import torch
from safetensors.torch import save_file

from model import CLIP_MEAN, CLIP_STD, FireLlavaTiny, Shape, normalise
from packs import Codec, mask_of
from tokenizer import dump

IMAGE, PAD = 1533, 1534


def configs(s, dtype):
    vision = {
        "model_type": "clip_vision_model", "hidden_size": s.tower, "intermediate_size": s.tower_mlp, "num_hidden_layers": s.tower_layers,
        "num_attention_heads": s.tower_heads, "num_channels": 3, "image_size": s.image, "patch_size": s.patch, "hidden_act": "quick_gelu",
        "layer_norm_eps": 1e-5, "attention_dropout": 0.0, "projection_dim": s.tower, "initializer_range": 0.02, "initializer_factor": 1.0}
    text = {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": s.vocab, "hidden_size": s.hidden, "intermediate_size": s.mlp,
        "num_hidden_layers": s.layers, "num_attention_heads": s.heads, "num_key_value_heads": s.kv_heads, "head_dim": s.hidden // s.heads,
        "hidden_act": "silu", "max_position_embeddings": s.positions, "rms_norm_eps": s.eps, "rope_theta": s.theta, "rope_scaling": None,
        "rope_parameters": {"rope_type": "default", "rope_theta": s.theta}, "attention_bias": False, "attention_dropout": 0.0, "mlp_bias": False,
        "tie_word_embeddings": True, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": PAD, "initializer_range": 0.02, "use_cache": True,
        "pretraining_tp": 1, "torch_dtype": dtype}
    main = {
        "architectures": ["LlavaForConditionalGeneration"], "model_type": "llava", "image_token_index": IMAGE, "image_token_id": IMAGE,
        "image_seq_length": s.tokens, "projector_hidden_act": "gelu", "multimodal_projector_bias": True, "vision_feature_layer": -2,
        "vision_feature_select_strategy": "default", "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": PAD, "vocab_size": s.vocab,
        "ignore_index": -100, "tie_word_embeddings": True, "torch_dtype": dtype, "vision_config": vision, "text_config": text}
    picture = {
        "image_processor_type": "CLIPImageProcessor", "processor_class": "LlavaProcessor", "do_convert_rgb": True, "do_resize": True,
        "size": {"height": s.image, "width": s.image}, "resample": 3, "do_center_crop": False, "crop_size": {"height": s.image, "width": s.image},
        "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": list(CLIP_MEAN), "image_std": list(CLIP_STD)}
    processor = {"processor_class": "LlavaProcessor", "image_token": "<image>", "patch_size": s.patch,
                 "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1}
    generation = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": PAD, "do_sample": False, "max_new_tokens": 128}
    return {"config.json": main, "preprocessor_config.json": picture, "processor_config.json": processor, "generation_config.json": generation}


def check(folder, model):
    """Same logits and same prompt ids from transformers as from our own code."""
    from PIL import Image
    from transformers import AutoProcessor, LlavaForConditionalGeneration

    processor = AutoProcessor.from_pretrained(folder)
    theirs = LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    codec = Codec(folder, model.shape.tokens)
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 160, 3), np.uint8))
    turns = [("What colour is the circle?", "Red", ""), ("And the star?", "The star is blue.", "")]
    messages = [{"role": "system", "content": "You are a helpful assistant."}]
    for i, (q, a, _) in enumerate(turns):
        parts = [{"type": "text", "text": q}] + ([{"type": "image"}] if i == 0 else [])
        messages += [{"role": "user", "content": parts}, {"role": "assistant", "content": a}]
    text = processor.apply_chat_template(messages)
    assert text == ("SYSTEM: You are a helpful assistant.\n\nUSER: <image>\nWhat colour is the circle?\n\nASSISTANT: Red</s>"
                    "USER: And the star?\n\nASSISTANT: The star is blue.</s>"), text
    plain = [{"role": "user", "content": "Hello"}]
    assert processor.apply_chat_template(plain, add_generation_prompt=True) == "USER: Hello\n\nASSISTANT:"
    batch = processor(text=text, images=picture, return_tensors="pt")
    head, ids, _ = codec.conversation(turns, "You are a helpful assistant.")
    ours = head + [codec.image] * codec.n + ids
    assert batch["input_ids"][0].tolist() == ours, (batch["input_ids"][0].tolist(), ours)
    square = np.asarray(picture.resize((model.shape.image,) * 2, Image.BICUBIC))
    pixels = normalise(torch.from_numpy(square.copy())[None])
    print("pixels differ by", (pixels - batch["pixel_values"]).abs().max().item())
    with torch.no_grad():
        want = theirs(**batch).logits[0]
        images = model.features(batch["pixel_values"])
        row = torch.tensor([ours])
        block = torch.zeros_like(row)
        hidden = model(row, images, len(head), torch.arange(len(ours))[None], mask_of(block).float())
        got = model.logits(hidden)[0]
    gap = (want - got).abs().max().item()
    print("logits differ by", gap, "largest logit", want.abs().max().item())
    assert gap < 2e-3
    return gap


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--state", default="build/stage3.pt")
    p.add_argument("--tokenizer", default="build/tokenizer")
    p.add_argument("--card", default="", help="the README.md to put in; the one already there is kept otherwise")
    p.add_argument("--out", default="../inference/checkpoints/firellava-tiny")
    p.add_argument("--dtype", default="float16", choices=("float16", "bfloat16"))
    p.add_argument("--weights", default="ema", choices=("ema", "model"))
    args = p.parse_args()
    torch.manual_seed(0)
    saved = torch.load(args.state)
    model = FireLlavaTiny(Shape()).eval()
    model.load_state_dict(saved[args.weights])
    dtype = getattr(torch, args.dtype)
    weights = {n: t.to(dtype).contiguous() for n, t in model.state_dict().items()}
    model.load_state_dict({n: t.float() for n, t in weights.items()})
    parent = os.path.dirname(os.path.abspath(args.out))
    os.makedirs(parent, exist_ok=True)
    temp = tempfile.mkdtemp(prefix=".firellava-tiny-", dir=parent)
    try:
        for name, value in configs(model.shape, args.dtype).items():
            dump(temp, name, value)
        for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"):
            shutil.copy(os.path.join(args.tokenizer, name), temp)
        card = args.card or os.path.join(args.out, "README.md")
        if os.path.exists(card):
            shutil.copy(card, os.path.join(temp, "README.md"))
        save_file(weights, os.path.join(temp, "model.safetensors"), metadata={"format": "pt"})
        check(temp, model)
        os.chmod(temp, 0o755)
        os.chmod(os.path.join(temp, "model.safetensors"), 0o644)
        if os.path.exists(args.out):
            old = temp + ".old"
            os.rename(args.out, old)
            os.rename(temp, args.out)
            shutil.rmtree(old)
        else:
            os.rename(temp, args.out)
    finally:
        shutil.rmtree(temp, ignore_errors=True)
    size = sum(os.path.getsize(os.path.join(args.out, f)) for f in os.listdir(args.out))
    print("wrote", args.out, f"{size / 1e6:.2f} MB,", sum(t.numel() for t in weights.values()), "parameters, step", saved.get("step"))


if __name__ == "__main__":
    main()
