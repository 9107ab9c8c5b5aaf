"""Makes a model of another library with random weights, under that library's names.

usage: theirs.py resnet18|gpt2 WEIGHTS DATA

Writes its weights and a batch of data as safetensors and prints the loss on the
batch, in float64. resnet18 is torchvision's; gpt2 is Hugging Face's
GPT2LMHeadModel with nanoGPT's GELU.
"""

import json
import struct
import sys

import torch
from torch import nn
from torch.nn import functional as F

NAMES = {torch.float32: "F32", torch.int64: "I64"}


def write(name, tensors):
    header, data = {}, b""
    for key, t in tensors.items():
        raw = bytes(t.contiguous().view(-1).numpy().tobytes()) if t.numel() else b""
        header[key] = {"dtype": NAMES[t.dtype], "shape": list(t.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    with open(name, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


class BasicBlock(nn.Module):
    def __init__(self, inputs, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = None
        if stride != 1 or inputs != channels:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        inputs = 64
        for i, channels in enumerate([64, 128, 256, 512]):
            layer = nn.Sequential(BasicBlock(inputs, channels, 1 if i == 0 else 2), BasicBlock(channels, channels, 1))
            setattr(self, f"layer{i + 1}", layer)
            inputs = channels
        self.fc = nn.Linear(512, 1000)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for i in range(4):
            x = getattr(self, f"layer{i + 1}")(x)
        return self.fc(x.mean((2, 3)))


class Conv1D(nn.Module):
    """Hugging Face's linear layer, whose matrix is [in, out]."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs) * 0.1)
        self.bias = nn.Parameter(torch.randn(outputs) * 0.1)

    def forward(self, x):
        return x @ self.weight + self.bias


class Part(nn.Module):
    def __init__(self, **parts):
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)


class GPT2(nn.Module):
    VOCAB, CONTEXT, DIM, HEADS, LAYERS = 96, 32, 48, 4, 3

    def __init__(self):
        super().__init__()
        d = self.DIM
        blocks = [Part(ln_1=nn.LayerNorm(d), attn=Part(c_attn=Conv1D(d, 3 * d), c_proj=Conv1D(d, d)), ln_2=nn.LayerNorm(d),
                       mlp=Part(c_fc=Conv1D(d, 4 * d), c_proj=Conv1D(4 * d, d))) for _ in range(self.LAYERS)]
        self.transformer = Part(wte=nn.Embedding(self.VOCAB, d), wpe=nn.Embedding(self.CONTEXT, d), h=nn.ModuleList(blocks), ln_f=nn.LayerNorm(d))
        self.lm_head = nn.Linear(d, self.VOCAB, bias=False)
        self.lm_head.weight = self.transformer.wte.weight
        for block in blocks:  # old files keep their masks
            block.attn.register_buffer("bias", torch.ones(1, 1, self.CONTEXT, self.CONTEXT))

    def forward(self, tokens):
        n, time = tokens.shape
        x = self.transformer.wte(tokens) + self.transformer.wpe(torch.arange(time))
        mask = torch.ones(time, time).tril().bool()
        for b in self.transformer.h:
            q, k, v = b.attn.c_attn(b.ln_1(x)).view(n, time, 3, self.HEADS, -1).permute(2, 0, 3, 1, 4)
            scores = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).masked_fill(~mask, float("-inf"))
            x = x + b.attn.c_proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(n, time, -1))
            x = x + b.mlp.c_proj(F.gelu(b.mlp.c_fc(b.ln_2(x))))
        return self.lm_head(self.transformer.ln_f(x))


torch.manual_seed(3)
if sys.argv[1] == "resnet18":
    net = ResNet18()
    batch = {"image": torch.randn(3, 3, 224, 224), "labels": torch.tensor([7, 0, 999])}
else:
    net = GPT2()
    batch = {"tokens": torch.randint(96, (4, 20)), "targets": torch.randint(96, (4, 20))}
with torch.no_grad():
    for t in net.state_dict().values():  # nothing stays at ones and zeros
        if t.dtype == torch.float32 and t.dim() == 1:
            t.add_(0.2 * torch.rand_like(t))
write(sys.argv[2], net.state_dict())
write(sys.argv[3], batch)
net.eval().double()
with torch.no_grad():
    if sys.argv[1] == "resnet18":
        loss = F.cross_entropy(net(batch["image"].double()), batch["labels"], label_smoothing=0.1)
    else:
        loss = F.cross_entropy(net(batch["tokens"]).flatten(0, 1), batch["targets"].flatten())
print(repr(loss.item()))
