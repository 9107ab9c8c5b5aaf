"""PyTorch as a peer of the benchmark: answers one JSON line for each line on standard input.

A request is `train OPTIMIZER BATCH SECONDS`, `infer BATCH SECONDS`, `gemm M K N SECONDS` or `elem NAME N SECONDS`. Settings are kept
between requests, so that slices of one run can alternate with another program's. OPTIMIZER is sgd (lr 0.01, momentum 0.9) or adam
(foreach). The model is the 784-128-10 classifier; data are random.
"""
import json
import os
import sys
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
torch.manual_seed(0)


def median(values):
    values = sorted(values)
    return values[len(values) // 2]


def timed(call, seconds):
    """Microseconds of single calls for about so many seconds: median and least."""
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or not times:
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1e6)
    return {"us_median": median(times), "us_min": min(times), "calls": len(times)}


def classifier():
    return torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))


def training_step(name, batch):
    net = classifier()
    if name == "sgd":
        opt = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    else:
        opt = torch.optim.Adam(net.parameters(), lr=1e-3, foreach=True)
    x, y = torch.randn(batch, 784), torch.randint(10, (batch,))

    def step():
        opt.zero_grad(set_to_none=True)
        F.cross_entropy(net(x), y).backward()
        opt.step()

    return step


def inference(batch):
    net, x = classifier().eval(), torch.randn(batch, 784)
    with torch.no_grad():
        frozen = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(net, x)))

    def call():
        with torch.no_grad():
            frozen(x)

    return call


def gemm(m, k, n):
    a, b, c = torch.randn(m, k), torch.randn(k, n), torch.empty(m, n)
    return lambda: torch.mm(a, b, out=c)


def elementwise(name, n):
    x, y = torch.randn(n), torch.empty(n)
    rows = torch.randn(n // 128, 128)
    calls = {
        "exp": lambda: torch.exp(x, out=y),
        "tanh": lambda: torch.tanh(x, out=y),
        "gelu_tanh": lambda: F.gelu(x, approximate="tanh"),
        "softmax128": lambda: F.softmax(rows, 1),
    }
    return calls[name]


def prepare(kind, args):
    if kind == "train":
        return training_step(args[0], int(args[1]))
    if kind == "infer":
        return inference(int(args[0]))
    if kind == "gemm":
        return gemm(*map(int, args))
    return elementwise(args[0], int(args[1]))


def main():
    print(json.dumps({"name": "PyTorch", "version": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
    cache = {}
    for line in sys.stdin:
        kind, *args = line.split()
        *args, seconds = args
        key = (kind, *args)
        if key not in cache:
            cache[key] = prepare(kind, args)
            for _ in range(20):
                cache[key]()
        print(json.dumps(timed(cache[key], float(seconds))), flush=True)


main()
