"""The networks of bench/models and of specs/mlp in PyTorch, with inputs and optimizers of the same kind."""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F


def classifier():
    return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def lenet():
    return nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))


class BasicBlock(nn.Module):
    def __init__(self, channels, out, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
        self.conv2, self.bn2 = nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out)
        self.downsample = None
        if stride != 1 or channels != out:
            self.downsample = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


def resnet20():
    layers, channels = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
    for i, out in enumerate((16, 32, 64)):
        for j in range(3):
            layers.append(BasicBlock(channels, out, 2 if i > 0 and j == 0 else 1))
            channels = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


class GPTBlock(nn.Module):
    def __init__(self, dim, heads, context):
        super().__init__()
        self.heads = heads
        self.ln_1, self.c_attn, self.c_proj = nn.LayerNorm(dim), nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.ln_2, self.c_fc, self.mlp_proj = nn.LayerNorm(dim), nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)
        self.register_buffer("later", torch.triu(torch.ones(context, context, dtype=torch.bool), 1))

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = (z.view(b, t, self.heads, c // self.heads).transpose(1, 2) for z in self.c_attn(self.ln_1(x)).split(c, 2))
        a = F.softmax((q @ k.transpose(-2, -1) / math.sqrt(c // self.heads)).masked_fill(self.later, float("-inf")), -1)
        x = x + self.c_proj((a @ v).transpose(1, 2).reshape(b, t, c))
        return x + self.mlp_proj(F.gelu(self.c_fc(self.ln_2(x))))


class GPT(nn.Module):
    def __init__(self, vocab=65, context=64, layers=4, heads=4, dim=128):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocab, dim), nn.Embedding(context, dim)
        self.h = nn.Sequential(*(GPTBlock(dim, heads, context) for _ in range(layers)))
        self.ln_f, self.lm_head = nn.LayerNorm(dim), nn.Linear(dim, vocab, bias=False)
        self.lm_head.weight = self.wte.weight
        self.register_buffer("positions", torch.arange(context))

    def forward(self, tokens):
        return self.lm_head(self.ln_f(self.h(self.wte(tokens) + self.wpe(self.positions)))).flatten(0, 1)


class SequenceClassifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.fc = nn.LSTM(128, 128, batch_first=True), nn.Linear(128, 10)

    def forward(self, x):
        return self.fc(self.rnn(x)[0][:, -1])


def sgd(net):
    return torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)


def adam(net):
    return torch.optim.Adam(net.parameters(), lr=1e-3, foreach=True)


def adamw(net):
    return torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.1, foreach=True)


def task(name, batch):
    """A network, its optimizer, inputs and labels."""
    classes = torch.randint(10, (batch,))
    if name == "lenet":
        net = lenet()
        return net, sgd(net), torch.randn(batch, 1, 28, 28), classes
    if name == "resnet20":
        net = resnet20()
        return net, sgd(net), torch.randn(batch, 3, 32, 32), classes
    if name == "gpt":
        net = GPT()
        return net, adamw(net), torch.randint(65, (batch, 64)), torch.randint(65, (batch * 64,))
    if name == "lstm":
        net = SequenceClassifier()
        return net, adam(net), torch.randn(batch, 64, 128), classes
    net = classifier()
    return net, {"sgd": sgd, "adam": adam}[name](net), torch.randn(batch, 784), classes
