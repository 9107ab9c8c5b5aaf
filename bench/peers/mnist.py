"""The recipe of specs/mnist_fast in PyTorch: 784-128-10, standardised input, AdamW at 3e-3 with a warm-up of 50 steps and a
cosine down to 0, five epochs of batches of 128, a test after each."""
import gzip
import math
import os
import struct
import time

import torch
import torch.nn.functional as F

import networks

EPOCHS, BATCH, WARMUP = 5, 128, 50


def idx(folder, name):
    path = os.path.join(folder, name)
    with gzip.open(path + ".gz") if os.path.exists(path + ".gz") else open(path, "rb") as f:
        raw = f.read()
    shape = struct.unpack(">%dI" % raw[3], raw[4:4 + 4 * raw[3]])
    return torch.frombuffer(bytearray(raw[4 + 4 * raw[3]:]), dtype=torch.uint8).view(shape)


def load(folder):
    x, y = idx(folder, "train-images-idx3-ubyte"), idx(folder, "train-labels-idx1-ubyte")
    u, v = idx(folder, "t10k-images-idx3-ubyte"), idx(folder, "t10k-labels-idx1-ubyte")
    x, u = x.flatten(1).float() / 255, u.flatten(1).float() / 255
    mean, std = x.mean(), x.std()
    return (x - mean) / std, y.long(), (u - mean) / std, v.long()


def recipe(folder, seed):
    """Seconds from the loaded data to the last test, and its accuracy."""
    x, y, u, v = load(folder)
    torch.manual_seed(seed)
    begin = time.perf_counter()
    net = networks.classifier()
    opt = torch.optim.AdamW(net.parameters(), lr=3e-3, foreach=True)
    steps = EPOCHS * math.ceil(len(x) / BATCH)

    def rate(step):
        return (step + 1) / WARMUP if step < WARMUP else 0.5 * (1 + math.cos(math.pi * (step - WARMUP) / (steps - WARMUP)))

    schedule = torch.optim.lr_scheduler.LambdaLR(opt, rate)
    for _ in range(EPOCHS):
        order = torch.randperm(len(x))
        for part in order.split(BATCH):
            opt.zero_grad(set_to_none=True)
            F.cross_entropy(net(x[part]), y[part]).backward()
            opt.step()
            schedule.step()
        with torch.no_grad():
            accuracy = (net(u).argmax(1) == v).float().mean().item()
    return {"us_median": time.perf_counter() - begin, "accuracy": accuracy}
