"""FireLLaVA-tiny in plain PyTorch: CLIP-style tower, GELU projector, Llama decoder with grouped queries.

Written out rather than taken from transformers because training needs what its forward does not
offer cheaply on a CPU: many questions packed behind one picture.  Module names follow the published
LLaVA checkpoints, so the state dict is the checkpoint; export.py proves that transformers computes
the same numbers from it.
"""
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Shape:
    image: int = 192
    patch: int = 16
    tower: int = 192
    tower_heads: int = 6
    tower_mlp: int = 768
    tower_layers: int = 7  # as in LLaVA the features are those before the last layer, which never runs
    hidden: int = 192
    heads: int = 6
    kv_heads: int = 2
    mlp: int = 512
    layers: int = 6
    vocab: int = 1536
    positions: int = 2048
    theta: float = 10000.0
    eps: float = 1e-5

    @property
    def tokens(self):
        return (self.image // self.patch) ** 2


CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


def normalise(pixels):
    """uint8 [B, S, S, 3] -> float [B, 3, S, S], as CLIPImageProcessor does."""
    mean = torch.tensor(CLIP_MEAN) * 255
    std = torch.tensor(CLIP_STD) * 255
    return ((pixels.float() - mean) / std).permute(0, 3, 1, 2)


def attend(q, k, v, mask=None):
    """softmax(q k / sqrt(d) + mask) v, written out: on a CPU the fused kernel's backward takes twice as long."""
    score = torch.matmul(q * q.shape[-1] ** -0.5, k.transpose(-1, -2))
    if mask is not None:
        score = score + mask
    return torch.matmul(torch.softmax(score, -1, dtype=score.dtype), v)


class TowerAttention(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(d, d) for _ in range(4))

    def forward(self, x):
        B, T, D = x.shape
        q, k, v = (p(x).view(B, T, self.heads, -1).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj))
        y = attend(q, k, v)
        return self.out_proj(y.transpose(1, 2).reshape(B, T, D))


class TowerMLP(nn.Module):
    def __init__(self, d, inner):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(d, inner), nn.Linear(inner, d)

    def forward(self, x):
        x = self.fc1(x)
        return self.fc2(x * torch.sigmoid(1.702 * x))


class TowerLayer(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.self_attn = TowerAttention(s.tower, s.tower_heads)
        self.layer_norm1 = nn.LayerNorm(s.tower)
        self.mlp = TowerMLP(s.tower, s.tower_mlp)
        self.layer_norm2 = nn.LayerNorm(s.tower)

    def forward(self, x):
        x = x + self.self_attn(self.layer_norm1(x))
        return x + self.mlp(self.layer_norm2(x))


def waves(n, d):
    """Sines and cosines of row and column, strong enough that places can be told apart from the first step."""
    f = torch.pi / 2 ** (torch.arange(d // 4) / (d // 4) * 5 - 1) / 2
    angle = torch.arange(n)[:, None] * f
    one = torch.cat((angle.sin(), angle.cos()), 1)
    return torch.cat((one[:, None].expand(n, n, -1), one[None].expand(n, n, -1)), 2).reshape(n * n, d)


class TowerEmbeddings(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.class_embedding = nn.Parameter(torch.randn(s.tower) * 0.02)
        self.patch_embedding = nn.Conv2d(3, s.tower, s.patch, s.patch, bias=False)
        self.position_embedding = nn.Embedding(s.tokens + 1, s.tower)
        self.position_embedding.weight.data[1:] = waves(s.image // s.patch, s.tower) * 0.7
        self.patch = s.patch

    def forward(self, x):
        B, C, S, _ = x.shape
        p, n = self.patch, S // self.patch
        x = x.reshape(B, C, n, p, n, p).permute(0, 2, 4, 1, 3, 5).reshape(B, n * n, C * p * p)
        x = F.linear(x, self.patch_embedding.weight.flatten(1))
        cls = self.class_embedding.expand(B, 1, -1).to(x.dtype)
        return torch.cat([cls, x], 1) + self.position_embedding.weight


class Encoder(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.layers = nn.ModuleList(TowerLayer(s) for _ in range(s.tower_layers))


class VisionModel(nn.Module):
    """Patch features before the last layer, the class token dropped."""

    def __init__(self, s):
        super().__init__()
        self.embeddings = TowerEmbeddings(s)
        self.pre_layrnorm = nn.LayerNorm(s.tower)
        self.encoder = Encoder(s)
        self.post_layernorm = nn.LayerNorm(s.tower)
        for p in (*self.encoder.layers[-1].parameters(), *self.post_layernorm.parameters()):
            p.requires_grad_(False)  # neither ever runs; zero matrices cost nothing to store
            p.data.zero_() if p.dim() > 1 else None

    def forward(self, pixels):
        x = self.pre_layrnorm(self.embeddings(pixels))
        for layer in self.encoder.layers[:-1]:
            x = layer(x)
        return x[:, 1:]


class Tower(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.vision_model = VisionModel(s)

    def forward(self, pixels):
        return self.vision_model(pixels)


class Projector(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.linear_1, self.linear_2 = nn.Linear(s.tower, s.hidden), nn.Linear(s.hidden, s.hidden)

    def forward(self, x):
        return self.linear_2(F.gelu(self.linear_1(x)))


class RMSNorm(nn.Module):
    def __init__(self, d, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(d)), eps

    def forward(self, x):
        return F.rms_norm(x.float(), self.weight.shape, self.weight, self.eps)


def rope(x, cos, sin):
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat((-b, a), -1) * sin


class Attention(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.s, self.dim = s, s.hidden // s.heads
        self.q_proj = nn.Linear(s.hidden, s.hidden, bias=False)
        self.k_proj = nn.Linear(s.hidden, s.kv_heads * self.dim, bias=False)
        self.v_proj = nn.Linear(s.hidden, s.kv_heads * self.dim, bias=False)
        self.o_proj = nn.Linear(s.hidden, s.hidden, bias=False)

    def forward(self, x, cos, sin, mask):
        B, T, D = x.shape
        q = self.q_proj(x).view(B, T, self.s.heads, self.dim).transpose(1, 2)
        k = self.k_proj(x).view(B, T, self.s.kv_heads, self.dim).transpose(1, 2)
        v = self.v_proj(x).view(B, T, self.s.kv_heads, self.dim).transpose(1, 2)
        q, k = rope(q, cos, sin).to(v.dtype), rope(k, cos, sin).to(v.dtype)
        g = self.s.heads // self.s.kv_heads
        k = k[:, :, None].expand(-1, -1, g, -1, -1).reshape(B, self.s.heads, T, self.dim)
        v = v[:, :, None].expand(-1, -1, g, -1, -1).reshape(B, self.s.heads, T, self.dim)
        y = attend(q, k, v, mask)
        return self.o_proj(y.transpose(1, 2).reshape(B, T, D))


class MLP(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.gate_proj = nn.Linear(s.hidden, s.mlp, bias=False)
        self.up_proj = nn.Linear(s.hidden, s.mlp, bias=False)
        self.down_proj = nn.Linear(s.mlp, s.hidden, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.self_attn, self.mlp = Attention(s), MLP(s)
        self.input_layernorm, self.post_attention_layernorm = RMSNorm(s.hidden, s.eps), RMSNorm(s.hidden, s.eps)

    def forward(self, x, cos, sin, mask):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, mask)
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.embed_tokens = nn.Embedding(s.vocab, s.hidden)
        self.layers = nn.ModuleList(Layer(s) for _ in range(s.layers))
        self.norm = RMSNorm(s.hidden, s.eps)
        dim = s.hidden // s.heads
        angle = torch.arange(s.positions)[:, None] * s.theta ** (-torch.arange(0, dim, 2) / dim)[None]
        angle = torch.cat((angle, angle), -1)
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)

    def forward(self, x, positions, mask):
        """mask is additive [B, 1, T, T] (it says who sees whom, causality included)."""
        cos, sin = self.cos[positions][:, None], self.sin[positions][:, None]
        for layer in self.layers:
            x = layer(x, cos, sin, mask)
        return self.norm(x)


class Language(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.model = Decoder(s)


class FireLlavaTiny(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        self.vision_tower = Tower(shape)
        self.multi_modal_projector = Projector(shape)
        self.language_model = Language(shape)
        for name, p in self.named_parameters():
            if p.dim() == 2 and "position_embedding" not in name and "layers.%d." % (shape.tower_layers - 1) not in name:
                nn.init.normal_(p, std=0.02)
        for layer in self.vision_tower.vision_model.encoder.layers[:-1]:
            nn.init.normal_(layer.mlp.fc1.weight, std=shape.tower ** -0.5 * 0.7)
            nn.init.normal_(layer.self_attn.v_proj.weight, std=shape.tower ** -0.5 * 0.7)
            # Equal queries and keys: a patch looks at its like and at its neighbours from the first step.
            nn.init.normal_(layer.self_attn.q_proj.weight, std=0.075)
            layer.self_attn.k_proj.weight.data.copy_(layer.self_attn.q_proj.weight)

    def features(self, pixels):
        return self.multi_modal_projector(self.vision_tower(pixels))

    def forward(self, ids, images, image_at, positions, mask):
        """images: projected features [B, N, D] put at columns image_at.. of each row (None: no picture)."""
        x = self.language_model.model.embed_tokens(ids)
        if images is not None:
            n = images.shape[1]
            x = torch.cat([x[:, :image_at], images.to(x.dtype), x[:, image_at + n:]], 1)
        return self.language_model.model(x, positions, mask)

    def logits(self, hidden):
        return F.linear(hidden, self.language_model.model.embed_tokens.weight)
