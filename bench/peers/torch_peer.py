"""PyTorch as a peer of the benchmark: answers one JSON line for each line on standard input.

A request is one of
    train OPTIMIZER BATCH SECONDS     the 784-128-10 classifier; sgd (momentum 0.9) or adam (foreach)
    model NAME BATCH SECONDS          lenet, resnet20, gpt or lstm
    infer BATCH SECONDS               the classifier as frozen TorchScript
    elem NAME N SECONDS               exp, tanh, gelu_tanh, softmax128 or adam (foreach) at N elements
    recipe FOLDER SEED 0              five epochs of MNIST; the time is in seconds
Data are random but for the recipe. What a request sets up is kept, so that slices can alternate with another program's.
"""
import ctypes
import json
import os
import sys
import time

import torch
import torch.nn.functional as F

import mnist
import networks

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
torch.manual_seed(0)


def resident():
    """The largest resident memory of this process so far, in bytes."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def blas():
    """The kernels that PyTorch's OpenBLAS chose, where it uses OpenBLAS."""
    torch.mm(torch.ones(8, 8), torch.ones(8, 8))
    with open("/proc/self/maps") as maps:
        paths = {line.split()[-1] for line in maps if "blas" in line}
    for path in sorted(paths):
        try:
            name = ctypes.CDLL(path).openblas_get_corename
        except AttributeError:
            continue
        name.restype = ctypes.c_char_p
        return " on OpenBLAS with %s kernels" % name().decode()
    return ""


def timed(call, seconds):
    """Microseconds of single calls for about so many seconds: median and least."""
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or not times:
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1e6)
    times.sort()
    return {"us_median": times[len(times) // 2], "us_min": times[0], "calls": len(times), "rss_bytes": resident()}


def training_step(name, batch):
    net, opt, x, y = networks.task(name, batch)

    def step():
        opt.zero_grad(set_to_none=True)
        F.cross_entropy(net(x), y).backward()
        opt.step()

    return step


def inference(batch):
    net, x = networks.classifier().eval(), torch.randn(batch, 784)
    with torch.no_grad():
        frozen = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(net, x)))

    def call():
        with torch.no_grad():
            frozen(x)

    return call


def elementwise(name, n):
    x, y, rows = torch.randn(n), torch.empty(n), torch.randn(n // 128, 128)
    if name == "adam":
        p = torch.nn.Parameter(torch.randn(n))
        p.grad = torch.randn(n)
        return torch.optim.Adam([p], lr=1e-3, foreach=True).step
    return {
        "exp": lambda: torch.exp(x, out=y),
        "tanh": lambda: torch.tanh(x, out=y),
        "gelu_tanh": lambda: F.gelu(x, approximate="tanh"),
        "softmax128": lambda: F.softmax(rows, 1),
    }[name]


def prepare(kind, args):
    if kind in ("train", "model"):
        return training_step(args[0], int(args[1]))
    if kind == "infer":
        return inference(int(args[0]))
    return elementwise(args[0], int(args[1]))


def main():
    print(json.dumps({"name": "PyTorch", "version": torch.__version__ + blas()}), flush=True)
    ready = {}
    for line in sys.stdin:
        kind, *args, seconds = line.split()
        if kind == "recipe":
            print(json.dumps(mnist.recipe(args[0], int(args[1]))), flush=True)
            continue
        key = (kind, *args)
        if key not in ready:
            ready[key] = prepare(kind, args)
            for _ in range(3):
                ready[key]()
        print(json.dumps(timed(ready[key], float(seconds))), flush=True)


main()
