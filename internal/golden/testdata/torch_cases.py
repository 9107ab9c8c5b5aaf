"""Writes reference cases with PyTorch, in the layout of the manifest that package golden reads.

    python3 torch_cases.py FOLDER

Inputs, parameters and upstream gradients are float32 values; all else is computed
in float64. The cases go over the words' arguments more widely than the shared ones.
"""
import itertools
import json
import math
import os
import struct
import sys

import torch
import torch.nn.functional as F
from torch import nn

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
CASES, FOLDER = [], ""
NAMES = {torch.float32: ("F32", "float32"), torch.float64: ("F64", "float64"),
         torch.int64: ("I64", "int64"), torch.bool: ("BOOL", "bool")}


def save(name, arrays):
    header, blobs, at = {}, [], 0
    for k in sorted(arrays):
        raw = arrays[k].detach().contiguous().cpu().numpy().tobytes()
        header[k] = {"dtype": NAMES[arrays[k].dtype][0], "shape": list(arrays[k].shape), "data_offsets": [at, at + len(raw)]}
        blobs.append(raw)
        at += len(raw)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(FOLDER, "cases", name + ".safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def case(name, kind, op, args, arrays, note=""):
    assert name not in {c["name"] for c in CASES}, name
    save(name, arrays)
    CASES.append({"name": name, "kind": kind, "op": op, "args": args, "file": "cases/" + name + ".safetensors",
                  "arrays": [{"name": k, "shape": list(arrays[k].shape), "dtype": NAMES[arrays[k].dtype][1]} for k in sorted(arrays)],
                  **({"note": note} if note else {})})


def seeded(name):
    torch.manual_seed(sum(ord(c) * (i + 1) for i, c in enumerate(name)) % 100003)


def r32(*shape, scale=1.0, shift=0.0):
    return (torch.randn(shape) * scale + shift).float()


def pos(*shape, lo=0.2, hi=2.0):
    return (torch.rand(*shape) * (hi - lo) + lo).float()


def graded(name, kind, op, args, fn, inputs, params=None, fixed=(), module=None, note=""):
    """A case of outputs and gradients: fn takes inputs (float64) by name and gives a tensor or a dict."""
    arrays, x = {}, {}
    for k, v in inputs.items():
        arrays["in." + k] = v
        x[k] = v.double().requires_grad_(k not in fixed) if v.dtype == torch.float32 else v
    own = dict(module.named_parameters()) if module is not None else {}
    for k, p in own.items():
        p.data = p.data.float().double()
        arrays["param." + k] = p.data.float()
    if module is not None:
        for k, b in module.named_buffers():
            if b.dtype.is_floating_point:
                b.copy_((torch.rand_like(b) * 0.5 + 0.75).float().double())
                arrays["buf." + k] = b.float()
    y = fn(**x)
    if not isinstance(y, dict):
        y = {"y": y}
    total = 0.0
    for k, v in y.items():
        g = r32(*v.shape)
        arrays["out." + k], arrays["gout." + k] = v.detach(), g
        total = total + (v * g.double()).sum()
    wrt = {("grad.in." + k): v for k, v in x.items() if v.requires_grad} if x else {}
    wrt.update({"grad.param." + k: p for k, p in own.items() if p.requires_grad})
    grads = torch.autograd.grad(total, list(wrt.values()), allow_unused=True)
    for (k, v), g in zip(wrt.items(), grads):
        arrays[k] = torch.zeros_like(v) if g is None else g
    if module is not None:
        for k, b in module.named_buffers():
            if b.dtype.is_floating_point:
                arrays["bufout." + k] = b.clone()
    case(name, kind, op, args, arrays, note)


def layer(name, op, args, module, shape, fn=None):
    seeded(name)
    for p in module.parameters():
        p.data = torch.randn_like(p) * 0.4
    graded(name, "layer", op, args, fn or (lambda x: module(x)), {"x": r32(*shape)}, module=module)


# ---------------------------------------------------------------- layers

def layers():
    for bias in (True, False):
        for shape in ((5,), (3, 5), (2, 3, 4, 5)):
            layer(f"linear_{len(shape)}d_b{int(bias)}", "Linear", {"in_features": 5, "out_features": 3, "bias": bias}, nn.Linear(5, 3, bias), shape)
    convs = [dict(k=3), dict(k=3, s=2), dict(k=3, p=1), dict(k=3, s=2, p=1), dict(k=1), dict(k=5, p=2), dict(k=3, d=2, p=2), dict(k=3, g=2),
             dict(k=3, p=1, g=4), dict(k=2, s=2, b=False), dict(k=3, p="same"), dict(k=4, p="same"), dict(k=3, p="valid"), dict(k=3, p="same", d=2),
             dict(k=3, p=1, m="reflect"), dict(k=3, p=2, m="circular"), dict(k=3, p=1, m="replicate"), dict(k=3, p=1, s=2, m="reflect", b=False)]
    for dim, word, size in ((1, "Conv1d", (9,)), (2, "Conv2d", (7, 6)), (3, "Conv3d", (5, 6, 5))):
        for i, c in enumerate(convs):
            m = c.get("m", "zeros")
            if dim == 3 and m == "reflect":
                continue  # not in PyTorch 1.13's float64 on some builds
            mod = getattr(nn, word)(4, 4, c["k"], c.get("s", 1), c.get("p", 0), c.get("d", 1), c.get("g", 1), c.get("b", True), m)
            args = {"in_channels": 4, "out_channels": 4, "kernel": c["k"], "stride": c.get("s", 1), "padding": c.get("p", 0),
                    "dilation": c.get("d", 1), "groups": c.get("g", 1), "bias": c.get("b", True), "padding_mode": m}
            if m == "zeros":
                args.pop("padding_mode")
            layer(f"{word.lower()}_{i}", word, args, mod, (2, 4) + size)
    layer("conv2d_rect", "Conv2d", {"in_channels": 2, "out_channels": 3, "kernel": [1, 3], "stride": [2, 1], "padding": [0, 1], "dilation": [1, 2], "groups": 1, "bias": True},
          nn.Conv2d(2, 3, (1, 3), (2, 1), (0, 1), (1, 2)), (2, 2, 6, 8))
    layer("conv3d_rect", "Conv3d", {"in_channels": 2, "out_channels": 3, "kernel": [1, 2, 3], "stride": [1, 2, 1], "padding": [0, 1, 1]},
          nn.Conv3d(2, 3, (1, 2, 3), (1, 2, 1), (0, 1, 1)), (2, 2, 3, 5, 6))
    tconvs = [dict(k=3), dict(k=2, s=2), dict(k=4, s=2, p=1), dict(k=3, s=2, p=1, op=1), dict(k=3, s=3, g=2), dict(k=3, d=2), dict(k=3, s=2, b=False), dict(k=3, p=2), dict(k=3, s=2, g=4, d=2, op=1)]
    for dim, word, size in ((1, "ConvTranspose1d", (7,)), (2, "ConvTranspose2d", (4, 5))):
        for i, c in enumerate(tconvs):
            mod = getattr(nn, word)(4, 4, c["k"], c.get("s", 1), c.get("p", 0), c.get("op", 0), c.get("g", 1), c.get("b", True), c.get("d", 1))
            args = {"in_channels": 4, "out_channels": 4, "kernel": c["k"], "stride": c.get("s", 1), "padding": c.get("p", 0), "output_padding": c.get("op", 0),
                    "groups": c.get("g", 1), "dilation": c.get("d", 1), "bias": c.get("b", True)}
            layer(f"{word.lower()}_{i}", word, args, mod, (2, 4) + size)
    layer("convtranspose2d_rect", "ConvTranspose2d", {"in_channels": 2, "out_channels": 3, "kernel": [2, 3], "stride": [1, 2], "padding": [0, 1], "output_padding": [0, 1]},
          nn.ConvTranspose2d(2, 3, (2, 3), (1, 2), (0, 1), (0, 1)), (2, 2, 3, 4))
    pools()
    norms()
    recurrent()
    attention()


def plain(name, op, args, fn, shape, make=r32):
    seeded(name)
    graded(name, "layer", op, args, lambda x: fn(x), {"x": make(*shape)})


def pools():
    for dim, size in ((1, (11,)), (2, (8, 9))):
        i = 0
        for k, s, p, d, ceil in itertools.product((2, 3), (None, 1, 2), (0, 1), (1, 2), (False, True)):
            args = {"kernel_size": k}
            for key, v, default in (("stride", s, None), ("padding", p, 0), ("dilation", d, 1), ("ceil_mode", ceil, False)):
                if v != default:
                    args[key] = v
            plain(f"maxpool{dim}d_{i}", f"MaxPool{dim}d", args, getattr(nn, f"MaxPool{dim}d")(k, s, p, d, ceil_mode=ceil), (2, 3) + size)
            i += 1
        i = 0
        for k, s, p, ceil, pad in itertools.product((2, 3), (None, 1, 2), (0, 1), (False, True), (True, False)):
            args = {"kernel_size": k}
            for key, v, default in (("stride", s, None), ("padding", p, 0), ("ceil_mode", ceil, False), ("count_include_pad", pad, True)):
                if v != default:
                    args[key] = v
            plain(f"avgpool{dim}d_{i}", f"AvgPool{dim}d", args, getattr(nn, f"AvgPool{dim}d")(k, s, p, ceil, pad), (2, 3) + size)
            i += 1
        for i, (p, k, s, ceil) in enumerate(itertools.product((1, 2, 3, 1.5), (2, 3), (None, 1), (False, True))):
            args = {"norm_type": p, "kernel_size": k}
            if s is not None:
                args["stride"] = s
            if ceil:
                args["ceil_mode"] = True
            plain(f"lppool{dim}d_{i}", f"LPPool{dim}d", args, getattr(nn, f"LPPool{dim}d")(p, k, s, ceil), (2, 2) + size, pos)
    plain("maxpool2d_rect", "MaxPool2d", {"kernel_size": [3, 2], "stride": [2, 1], "padding": [1, 0]}, nn.MaxPool2d((3, 2), (2, 1), (1, 0)), (2, 3, 8, 9))
    plain("avgpool2d_rect", "AvgPool2d", {"kernel_size": [3, 2], "stride": [2, 1], "padding": [1, 0]}, nn.AvgPool2d((3, 2), (2, 1), (1, 0)), (2, 3, 8, 9))
    plain("avgpool2d_divisor", "AvgPool2d", {"kernel_size": 2, "divisor_override": 3}, nn.AvgPool2d(2, divisor_override=3), (2, 3, 8, 9))
    for size in (1, 3, [1, 1], [2, 3], [7, 8], [5, 7], [3, 1]):
        tag = "x".join(map(str, size)) if isinstance(size, list) else str(size)
        out = tuple(size) if isinstance(size, list) else size
        plain(f"adaptiveavgpool2d_{tag}", "AdaptiveAvgPool2d", {"output_size": size}, nn.AdaptiveAvgPool2d(out), (2, 3, 7, 8))
        plain(f"adaptivemaxpool2d_{tag}", "AdaptiveMaxPool2d", {"output_size": size}, nn.AdaptiveMaxPool2d(out), (2, 2, 7, 8))
    for size in (1, 4, 11):
        plain(f"adaptiveavgpool1d_{size}", "AdaptiveAvgPool1d", {"output_size": size}, nn.AdaptiveAvgPool1d(size), (2, 3, 11))
        plain(f"adaptivemaxpool1d_{size}", "AdaptiveMaxPool1d", {"output_size": size}, nn.AdaptiveMaxPool1d(size), (2, 3, 11))
    for mode, align in (("nearest", None), ("bilinear", False), ("bilinear", True), ("bicubic", False), ("bicubic", True)):
        for spec in ({"scale_factor": 2}, {"size": [5, 7]}, {"size": [2, 2]}, {"scale_factor": 1.5}, {"scale_factor": 3}, {"scale_factor": 0.5}, {"size": [1, 1]}):
            args = dict(spec, mode=mode)
            if align is not None:
                args["align_corners"] = align
            tag = "_".join(str(v).replace(" ", "") for v in spec.values())
            kw = {k: tuple(v) if isinstance(v, list) else v for k, v in args.items()}
            plain(f"upsample_{mode}_{align}_{list(spec)[0]}{tag}", "Upsample", args, nn.Upsample(**kw), (2, 2, 4, 3))
    for mode, align in (("nearest", None), ("linear", False), ("linear", True)):
        for spec in ({"scale_factor": 2}, {"size": 7}):
            args = dict(spec, mode=mode)
            if align is not None:
                args["align_corners"] = align
            plain(f"upsample1d_{mode}_{align}_{list(spec)[0]}", "Upsample", args, nn.Upsample(**args), (2, 2, 5))
    for mode in ("constant", "reflect", "replicate", "circular"):
        for shape, p in (((2, 3, 6), [2, 1]), ((2, 2, 4, 5), [1, 2, 2, 1]), ((2, 2, 4, 5), [0, 1, 3, 0]), ((2, 2, 4, 5), [2, 2]), ((2, 2, 4, 5, 3), [1, 1, 2, 0, 1, 2])):
            if len(p) // 2 != len(shape) - 2 and mode != "constant":
                continue
            value = 0.5 if mode == "constant" else None
            seeded(mode)
            plain(f"pad_{mode}_{len(shape)}_{''.join(map(str, p))}", "Pad", {"mode": mode, "pad": p, "value": value},
                  lambda x: F.pad(x, p, mode, value) if value is not None else F.pad(x, p, mode), shape)
    plain("pad_negative", "Pad", {"mode": "constant", "pad": [-1, 1, 0, -2], "value": None}, lambda x: F.pad(x, [-1, 1, 0, -2]), (2, 2, 4, 5))
    for n in (2, 3):
        plain(f"pixelshuffle{n}", "PixelShuffle", {"upscale_factor": n}, nn.PixelShuffle(n), (2, 2 * n * n, 3, 2))
    plain("pixelunshuffle", "PixelUnshuffle", {"downscale_factor": 2}, nn.PixelUnshuffle(2), (2, 2, 6, 4))
    for p, dim in itertools.product((1, 2, 3, 0.5), (0, 1, -1)):
        plain(f"normalize_l{p}_dim{dim}", "Normalize", {"p": p, "dim": dim, "eps": 1e-12}, lambda x: F.normalize(x, p, dim), (4, 6), pos)


def norms():
    for shape, word in (((8, 5), "BatchNorm1d"), ((3, 5, 6), "BatchNorm1d"), ((4, 5, 3, 4), "BatchNorm2d"), ((2, 5, 2, 3, 2), "BatchNorm3d")):
        for train, (eps, mom), affine in itertools.product((True, False), ((1e-5, 0.1), (1e-3, 0.01), (1e-5, None)), (True, False)):
            if mom is None and (not affine or not train):
                continue
            m = getattr(nn, word)(5, eps, mom, affine)
            m.train(train)
            args = {"num_features": 5, "eps": eps, "momentum": mom, "train": train}
            if not affine:
                args["affine"] = False
            if mom is not None:
                layer(f"batchnorm_{len(shape)}_{train}_{eps}_{affine}", word, args, m, shape)
    m = nn.BatchNorm2d(3, track_running_stats=False)
    layer("batchnorm_untracked", "BatchNorm2d", {"num_features": 3, "eps": 1e-5, "momentum": 0.1, "train": True, "track_running_stats": False}, m, (2, 3, 3, 4))
    for ns, shape in (([6], (4, 6)), ([6], (2, 3, 6)), ([3, 6], (2, 3, 6)), ([2, 3, 4], (2, 2, 3, 4))):
        for eps, affine in itertools.product((1e-5, 1e-3), (True, False)):
            args = {"normalized_shape": ns, "eps": eps}
            if not affine:
                args["elementwise_affine"] = False
            layer(f"layernorm_{len(ns)}_{len(shape)}_{eps}_{affine}", "LayerNorm", args, nn.LayerNorm(ns, eps, affine), shape)
    for g, eps, affine in itertools.product((1, 2, 3, 6), (1e-5, 1e-3), (True, False)):
        args = {"num_groups": g, "num_channels": 6, "eps": eps}
        if not affine:
            args["affine"] = False
        layer(f"groupnorm_{g}_{eps}_{affine}", "GroupNorm", args, nn.GroupNorm(g, 6, eps, affine), (2, 6, 4, 3))
    layer("groupnorm_1d", "GroupNorm", {"num_groups": 2, "num_channels": 4, "eps": 1e-5}, nn.GroupNorm(2, 4), (3, 4, 5))
    layer("groupnorm_flat", "GroupNorm", {"num_groups": 2, "num_channels": 6, "eps": 1e-5}, nn.GroupNorm(2, 6), (3, 6))
    for word, shape in (("InstanceNorm1d", (2, 3, 7)), ("InstanceNorm2d", (2, 3, 4, 5)), ("InstanceNorm3d", (2, 3, 2, 3, 2))):
        for eps, affine in itertools.product((1e-5, 1e-3), (True, False)):
            layer(f"{word.lower()}_{eps}_{affine}", word, {"num_features": 3, "affine": affine, "eps": eps}, getattr(nn, word)(3, eps, affine=affine), shape)
    for eps, shape in itertools.product((1e-5, 1e-6, 1e-3), ((8,), (3, 8), (3, 4, 8))):
        seeded(f"rms{eps}{shape}")
        graded(f"rmsnorm_{eps}_{len(shape)}", "layer", "RMSNorm", {"dim": 8, "eps": eps, "formula": "x * rsqrt(mean(x^2, -1) + eps) * weight"},
               lambda x, weight: x * torch.rsqrt((x * x).mean(-1, keepdim=True) + eps) * weight, {"x": r32(*shape), "weight": r32(8)})
    for num, dim, pad, shape in ((10, 4, None, (3, 5)), (7, 3, 0, (2, 6)), (7, 3, 2, (6,)), (7, 3, 6, (2, 2, 3)), (5, 1, -1, (4,))):
        args = {"num": num, "dim": dim}
        if pad is not None:
            args["padding_idx"] = pad
        seeded(f"emb{num}{pad}")
        m = nn.Embedding(num, dim, padding_idx=pad)
        m.weight.data = torch.randn(num, dim)
        graded(f"embedding_{num}_{dim}_{pad}", "layer", "Embedding", args, lambda x: m(x), {"x": torch.randint(0, num, shape)}, module=m)


def recurrent():
    for word in ("RNN", "LSTM", "GRU"):
        grid = [dict(), dict(num_layers=2), dict(bidirectional=True), dict(batch_first=True), dict(num_layers=3, bidirectional=True, batch_first=True), dict(bias=False),
                dict(num_layers=2, bias=False, bidirectional=True)]
        if word == "RNN":
            grid += [dict(nonlinearity="relu"), dict(nonlinearity="relu", num_layers=2, bidirectional=True)]
        if word == "LSTM":
            grid += [dict(proj_size=2), dict(proj_size=2, num_layers=2, bidirectional=True, batch_first=True)]
        for i, kw in enumerate(grid):
            for start in (False, True):
                name = f"{word.lower()}_{i}_{'h0' if start else 'zero'}"
                seeded(name)
                m = getattr(nn, word)(4, 5, **kw)
                for p in m.parameters():
                    p.data = torch.randn_like(p) * 0.4
                n, t = 3, 6
                x = {"x": r32(n, t, 4) if kw.get("batch_first") else r32(t, n, 4)}
                states = kw.get("num_layers", 1) * (2 if kw.get("bidirectional") else 1)
                if start:
                    x["h0"] = r32(states, n, kw.get("proj_size") or 5)
                    if word == "LSTM":
                        x["c0"] = r32(states, n, 5)

                def fn(x, h0=None, c0=None):
                    h = None if h0 is None else (h0, c0) if word == "LSTM" else h0
                    y, s = m(x, h)
                    return {"y": y, "hn": s[0], "cn": s[1]} if word == "LSTM" else {"y": y, "hn": s}
                graded(name, "layer", word, {"input_size": 4, "hidden_size": 5, **kw}, fn, x, module=m)
    for word in ("RNNCell", "LSTMCell", "GRUCell"):
        seeded(word)
        m = getattr(nn, word)(3, 4)
        x = {"x": r32(2, 3), "h0": r32(2, 4)}
        if word == "LSTMCell":
            x["c0"] = r32(2, 4)

            def fn(x, h0, c0):
                h, c = m(x, (h0, c0))
                return {"hn": h, "cn": c}
        else:
            def fn(x, h0):
                return {"hn": m(x, h0)}
        graded(word.lower(), "layer", word, {"input_size": 3, "hidden_size": 4}, fn, x, module=m)


def attention():
    for i, (e, h, self_attn, causal, mask, bias, kv) in enumerate(((8, 2, True, False, False, True, False), (8, 4, True, True, False, True, False), (8, 1, False, False, False, True, False),
                                                        (8, 2, False, False, True, True, False), (8, 2, True, True, True, True, False), (6, 3, True, False, False, False, False), (8, 2, False, False, False, True, True))):
        name = f"mha_{i}"
        seeded(name)
        kw = {"kdim": 5, "vdim": 6} if kv else {}
        m = nn.MultiheadAttention(e, h, bias=bias, batch_first=True, **kw)
        for p in m.parameters():
            p.data = torch.randn_like(p) * 0.4
        x = {"q": r32(2, 5, e)}
        if not self_attn:
            x["k"], x["v"] = r32(2, 4, kw.get("kdim", e)), r32(2, 4, kw.get("vdim", e))
        if mask:
            km = torch.zeros(2, 5 if self_attn else 4, dtype=torch.bool)
            km[1, -1:] = True
            x["key_padding_mask"] = km

        def fn(q, k=None, v=None, key_padding_mask=None):
            k, v = (q, q) if k is None else (k, v)
            am = torch.triu(torch.ones(q.shape[1], k.shape[1], dtype=torch.bool), 1) if causal else None
            y, w = m(q, k, v, key_padding_mask=key_padding_mask, attn_mask=am, average_attn_weights=False)
            return {"y": y, "attn": w}
        args = {"embed_dim": e, "num_heads": h, "batch_first": True, "causal": causal, "self_attention": self_attn, **kw}
        if not bias:
            args["bias"] = False
        graded(name, "layer", "MultiheadAttention", args, fn, x, module=m)
    for causal, masked in ((False, None), (True, None), (False, "bool"), (False, "float")):
        name = f"sdpa_{causal}_{masked}"
        seeded(name)
        x = {"q": r32(2, 3, 5, 4), "k": r32(2, 3, 6, 4), "v": r32(2, 3, 6, 3)}
        if causal:
            x["k"], x["v"] = r32(2, 3, 5, 4), r32(2, 3, 5, 3)
        fixed = ()
        if masked == "bool":
            m = torch.rand(5, 6) > 0.3
            m[:, 0] = True
            x["mask"] = m
        if masked == "float":
            x["mask"] = r32(5, 6)

        def fn(q, k, v, mask=None):
            s = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
            if causal:
                s = s.masked_fill(torch.triu(torch.ones(s.shape[-2:], dtype=torch.bool), 1), -math.inf)
            if mask is not None:
                s = s.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else s + mask
            return torch.softmax(s, -1) @ v
        graded(name, "layer", "ScaledDotProductAttention", {"causal": causal}, fn, x, fixed=fixed)
    for act, first in itertools.product(("relu", "gelu"), (False, True)):
        name = f"transformer_encoder_{act}_{first}"
        seeded(name)
        m = nn.TransformerEncoderLayer(8, 2, 12, 0.0, act, norm_first=first, batch_first=True)
        for p in m.parameters():
            p.data = torch.randn_like(p) * 0.4
        args = {"d_model": 8, "nhead": 2, "dim_feedforward": 12, "dropout": 0.0, "activation": act, "norm_first": first, "batch_first": True}
        graded(name, "layer", "TransformerEncoderLayer", args, lambda x: m(x), {"x": r32(2, 5, 8)}, module=m)
        name = f"transformer_decoder_{act}_{first}"
        d = nn.TransformerDecoderLayer(8, 2, 12, 0.0, act, norm_first=first, batch_first=True)
        for p in d.parameters():
            p.data = torch.randn_like(p) * 0.4
        graded(name, "layer", "TransformerDecoderLayer", args, lambda x, memory: d(x, memory), {"x": r32(2, 5, 8), "memory": r32(2, 4, 8)}, module=d)


# ---------------------------------------------------------------- activations and ops

def activations():
    table = {"relu": F.relu, "relu6": F.relu6, "leakyrelu_.01": lambda x: F.leaky_relu(x, 0.01), "leakyrelu_.2": lambda x: F.leaky_relu(x, 0.2),
             "elu_1": F.elu, "elu_.5": lambda x: F.elu(x, 0.5), "elu_0.7": lambda x: F.elu(x, 0.7), "selu": F.selu, "celu_1": F.celu, "celu_.5": lambda x: F.celu(x, 0.5), "celu_2": lambda x: F.celu(x, 2.0),
             "gelu_exact": F.gelu, "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"), "gelu": F.gelu, "silu": F.silu, "mish": F.mish, "hardswish": F.hardswish,
             "hardsigmoid": F.hardsigmoid, "hardtanh": F.hardtanh, "hardtanh_-2_.5": lambda x: F.hardtanh(x, -2, 0.5), "hardtanh_-.5_2": lambda x: F.hardtanh(x, -0.5, 2),
             "softplus": F.softplus, "softplus_beta2_thr5": lambda x: F.softplus(x, 2, 5), "softplus_beta.5": lambda x: F.softplus(x, 0.5),
             "softsign": F.softsign, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "tanhshrink": F.tanhshrink, "logsigmoid": F.logsigmoid,
             "threshold_0.1_-2": lambda x: F.threshold(x, 0.1, -2), "threshold_-1_5": lambda x: F.threshold(x, -1, 5.0),
             "softshrink_.5": lambda x: F.softshrink(x, 0.5), "hardshrink_.5": lambda x: F.hardshrink(x, 0.5), "softshrink": F.softshrink, "hardshrink": F.hardshrink}
    for name, fn in table.items():
        for wide in (False, True):
            seeded(name)
            x = r32(4, 9)
            if wide:
                x = torch.cat([torch.linspace(-30, 30, 41) + 0.0123, torch.tensor([-100., 100, -1e4, 1e4, 1e-8, -1e-8, 0.3, -0.7, 2.5, -88.0, 88.0]) + 0.0123]).float()  # no kink
            graded(f"act_{name}{'_wide' if wide else ''}", "activation", name.split("_")[0], {"variant": name}, lambda x: fn(x), {"x": x})
    soft = {"softmax": F.softmax, "logsoftmax": F.log_softmax, "softmin": F.softmin}
    for word, fn in soft.items():
        for dim, shape in ((-1, (4, 6)), (0, (4, 3)), (1, (2, 5, 3)), (1, (2, 4, 3, 3)), (-1, (7,)), (2, (2, 3, 1))):
            seeded(word + str(shape))
            graded(f"act_{word}_{len(shape)}_{dim}", "activation", word, {"dim": dim}, lambda x: fn(x, dim=dim), {"x": r32(*shape, scale=2.0)})
        seeded(word)
        graded(f"act_{word}_large", "activation", word, {"dim": -1}, lambda x: fn(x, dim=-1), {"x": r32(3, 5, scale=400.0)})
    for n, shape in ((1, (2, 3, 4)), (3, (2, 3, 4)), (3, (4, 3)), (3, (2, 3, 2, 2)), (1, (5,))):
        seeded(f"prelu{n}{shape}")
        m = nn.PReLU(n)
        m.weight.data = torch.rand(n)
        graded(f"act_prelu_{n}_{len(shape)}", "activation", "prelu", {"num_parameters": n}, lambda x: m(x), {"x": r32(*shape)}, module=m)
    for dim, shape in ((-1, (3, 8)), (0, (4, 3)), (1, (2, 6, 3))):
        seeded(f"glu{dim}")
        graded(f"act_glu_{dim}", "activation", "glu", {"dim": dim}, lambda x: F.glu(x, dim), {"x": r32(*shape)})


def ops():
    def op(name, fn, make=r32, **shapes):
        seeded(name)
        graded("op_" + name, "op", name, {}, lambda **kw: fn(*kw.values()), {k: make(*v) if isinstance(v, tuple) else v for k, v in shapes.items()})
    x, b = (3, 4), dict(x=(3, 1, 4), y=(2, 1))
    op("add_bcast", lambda x, y: x + y, **b)
    op("sub_bcast", lambda x, y: x - y, **b)
    op("mul_bcast", lambda x, y: x * y, **b)
    op("div_bcast", lambda x, y: x / (y * y + 1), **b)
    op("pow_bcast", lambda x, y: x ** y, make=pos, **b)
    for name, fn in (("maximum", torch.maximum), ("minimum", torch.minimum), ("max_bcast", torch.maximum), ("min_bcast", torch.minimum), ("atan2", torch.atan2)):
        op(name, fn, **b)
    op("where", lambda x, y: torch.where(x > y, 2 * x, 3 * y), **b)
    for name in ("exp", "sin", "cos", "abs", "neg", "erf", "expm1", "tanh", "square", "sign", "floor", "ceil", "round", "sigmoid", "atan", "sinh", "cosh", "trunc", "frac", "exp2", "erfc", "asinh", "softplus", "relu"):
        fn = getattr(torch, name, None) or getattr(F, name)
        op(name, fn, x=x)
    op("tan", torch.tan, make=lambda *s: r32(*s, scale=0.4), x=x)
    for name in ("log", "sqrt", "rsqrt", "reciprocal", "log1p", "log2", "log10", "acosh", "lgamma"):
        op(name, getattr(torch, name), make=lambda *s: pos(*s, lo=1.1, hi=3.0) if name == "acosh" else pos(*s), x=x)
    for name in ("asin", "acos", "atanh"):
        op(name, getattr(torch, name), make=lambda *s: pos(*s, lo=-0.9, hi=0.9), x=x)
    for e in ("2", "3", "2.5", "0.5", "-1"):
        op("pow" + e, lambda x: x ** float(e), make=pos, x=x)
    op("clamp", lambda x: torch.clamp(x, -0.5, 0.7), x=x)
    op("clamp_min", lambda x: torch.clamp(x, min=0.1), x=x)
    op("clamp_max", lambda x: torch.clamp(x, max=0.1), x=x)
    op("lerp", lambda x, y: torch.lerp(x, y, 0.3), x=x, y=x)
    op("addcmul", lambda x, y, s: x + 0.5 * y * s, x=x, y=x, s=x)
    op("matmul_2d", torch.matmul, x=x, y=(4, 5))
    op("matmul_3d", torch.matmul, x=(2, 3, 4), y=(2, 4, 5))
    op("matmul_bcast", torch.matmul, x=(2, 1, 3, 4), y=(5, 4, 2))
    op("bmm", torch.bmm, x=(3, 2, 4), y=(3, 4, 5))
    op("matvec", torch.mv, x=x, y=(4,))
    op("vecmat", torch.matmul, x=(3,), y=x)
    op("dot", torch.dot, x=(5,), y=(5,))
    op("outer", torch.outer, x=(3,), y=(4,))
    op("einsum_ij,jk->ik", lambda x, y: torch.einsum("ij,jk->ik", x, y), x=x, y=(4, 5))
    op("einsum_bij,bjk->bik", lambda x, y: torch.einsum("bij,bjk->bik", x, y), x=(2, 3, 4), y=(2, 4, 5))
    for word, fn in (("sum", torch.sum), ("mean", torch.mean), ("amax", torch.amax), ("amin", torch.amin), ("logsumexp", torch.logsumexp), ("norm", torch.norm),
                     ("prod", torch.prod), ("var", torch.var), ("std", torch.std)):
        if word not in ("amax", "amin", "logsumexp"):
            op(word + "_all", lambda x: fn(x), x=x)
        for d in (0, 1, -1):
            op(f"{word}_dim{d}", lambda x: fn(x, dim=d), x=x)
            op(f"{word}_dim{d}_keepdim", lambda x: fn(x, dim=d, keepdim=True), x=x)
        if word not in ("prod",):
            op(f"{word}_dim02", lambda x: fn(x, dim=(0, 2)), x=(2, 3, 4))
    op("var_dim1_unbiased0", lambda x: torch.var(x, dim=1, unbiased=False), x=x)
    op("std_dim1_unbiased0", lambda x: torch.std(x, dim=1, unbiased=False), x=x)
    op("max_dim1", lambda x: torch.max(x, dim=1).values, x=x)
    op("min_dim1", lambda x: torch.min(x, dim=1).values, x=x)
    op("max_dim0", lambda x: torch.max(x, dim=0).values, x=x)
    op("max_all", lambda x: torch.max(x), x=x)
    op("min_all", lambda x: torch.min(x), x=x)
    op("median_dim1", lambda x: torch.median(x, dim=1).values, x=(3, 5))
    op("sort_dim1", lambda x: torch.sort(x, dim=1).values, x=x)
    op("sort_dim1_desc", lambda x: torch.sort(x, dim=1, descending=True).values, x=x)
    op("topk2_dim1", lambda x: torch.topk(x, 2, dim=1).values, x=x)
    for d in (0, 1):
        op(f"cumsum_dim{d}", lambda x: torch.cumsum(x, d), x=x)
        op(f"cumprod_dim{d}", lambda x: torch.cumprod(x, d), x=x)
        op(f"flip_dim{d}", lambda x: torch.flip(x, [d]), x=x)
        op(f"cat_dim{d}", lambda x, y: torch.cat([x, y], d), x=x, y=x)
        op(f"concat_dim{d}", lambda x, y: torch.cat([x, y], d), x=x, y=x)
        op(f"stack_dim{d}", lambda x, y: torch.stack([x, y], d), x=x, y=x)
        op(f"roll_dim{d}", lambda x: torch.roll(x, 1, d), x=x)
        op(f"unsqueeze_dim{d}", lambda x: torch.unsqueeze(x, d), x=x)
        op(f"index_select_dim{d}", lambda x, i: torch.index_select(x, d, i), x=(5, 4), i=torch.tensor([3, 0, 3, 1]))
        op(f"gather_dim{d}", lambda x, i: torch.gather(x, d, i), x=(5, 4), i=torch.randint(0, 4, (3, 4)))
        op(f"scatter_add_dim{d}", lambda x, i, s: x.scatter_add(d, i, s), x=(4, 4), i=torch.randint(0, 4, (4, 4)), s=(4, 4))
    op("index_select", lambda x, i: torch.index_select(x, 0, i), x=(5, 3), i=torch.tensor([3, 0, 3, 1]))
    op("scatter_add", lambda x, i, s: x.scatter_add(0, i, s), x=x, i=torch.randint(0, 3, (5, 4)), s=(5, 4))
    op("transpose", lambda x: x.t(), x=x)
    op("t", lambda x: x.t(), x=x)
    op("transpose_021", lambda x: x.permute(0, 2, 1), x=(2, 3, 4))
    op("permute_201", lambda x: x.permute(2, 0, 1), x=(2, 3, 4))
    op("permute_120", lambda x: x.permute(1, 2, 0), x=(2, 3, 4))
    op("transpose_01", lambda x: x.transpose(0, 1), x=x)
    op("transpose_102", lambda x: x.permute(1, 0, 2), x=(2, 3, 4))
    op("reshape", lambda x: x.reshape(2, 6), x=x)
    op("view", lambda x: x.reshape(2, 6), x=x)
    op("flatten", lambda x: x.flatten(1), x=(2, 3, 4))
    op("squeeze", lambda x: x.squeeze(1), x=(3, 1, 4))
    op("unsqueeze", lambda x: x.unsqueeze(1), x=x)
    op("expand", lambda x: x.expand(4, 3, 5), x=(3, 1))
    op("broadcast_to", lambda x: x.expand(4, 3, 5), x=(3, 1))
    op("repeat", lambda x: x.repeat(2, 3), x=x)
    op("tile", lambda x: x.repeat(2, 3), x=x)
    op("slice_step2", lambda x: x[1:, ::2], x=x)
    op("slice", lambda x: x[1:, 1:3], x=x)
    op("split_mul", lambda x: x[:, :2] * x[:, 2:], x=x)
    op("chunk_mul", lambda x: x[:, :2] * x[:, 2:], x=x)
    op("tril", torch.tril, x=(4, 4))
    op("triu", torch.triu, x=(4, 4))
    op("diag", torch.diag, x=(4, 4))
    op("trace", torch.trace, x=(4, 4))
    op("pad", lambda x: F.pad(x, (1, 2)), x=x)


# ---------------------------------------------------------------- losses

REDUCTIONS = ("mean", "sum", "none")


def losses():
    def two(name, op, args, fn, x, target, fixed=("target",), **more):
        for red in REDUCTIONS:
            seeded(name)
            graded(f"loss_{name}_{red}", "loss", op, {**args, "reduction": red}, lambda x, target, **kw: fn(x, target, red, **kw), {"x": x, "target": target, **more}, fixed=fixed + tuple(more))
    seeded("losses")
    x, t = r32(4, 5), r32(4, 5)
    two("mse", "MSELoss", {}, lambda x, t, r: F.mse_loss(x, t, reduction=r), x, t)
    two("l1", "L1Loss", {}, lambda x, t, r: F.l1_loss(x, t, reduction=r), x, t)
    for beta in (1.0, 0.3, 2.0):
        two(f"smoothl1_{beta}", "SmoothL1Loss", {"beta": beta}, lambda x, t, r: F.smooth_l1_loss(x, t, reduction=r, beta=beta), x, t)
    two("smoothl1_0", "SmoothL1Loss", {"beta": 0.0}, lambda x, t, r: F.smooth_l1_loss(x, t, reduction=r, beta=0.0), x, t)
    for delta in (1.0, 0.5):
        two(f"huber_{delta}", "HuberLoss", {"delta": delta}, lambda x, t, r: F.huber_loss(x, t, reduction=r, delta=delta), x, t)
    sign = torch.sign(r32(4, 5))
    two("softmargin", "SoftMarginLoss", {}, lambda x, t, r: F.soft_margin_loss(x, t, reduction=r), x, sign)
    for margin in (1.0, 0.5):
        two(f"hingeembedding_{margin}", "HingeEmbeddingLoss", {"margin": margin}, lambda x, t, r: F.hinge_embedding_loss(x, t, margin, reduction=r), x, sign)
    for log, full in itertools.product((True, False), (True, False)):
        two(f"poisson_{log}_{full}", "PoissonNLLLoss", {"log_input": log, "full": full, "eps": 1e-8},
            lambda x, t, r: F.poisson_nll_loss(x, t, log, full, eps=1e-8, reduction=r), x if log else pos(4, 5), torch.randint(0, 6, (4, 5)).float())
    for full, vshape in itertools.product((False, True), ((4, 5), (4, 1))):
        for red in REDUCTIONS:
            seeded(f"gnll{full}{vshape}")
            graded(f"loss_gaussiannll_{full}_{vshape[1]}_{red}", "loss", "GaussianNLLLoss", {"full": full, "eps": 1e-6, "reduction": red},
                   lambda x, target, var: F.gaussian_nll_loss(x, target, var, full, 1e-6, red), {"x": r32(4, 5), "target": r32(4, 5), "var": pos(*vshape)}, fixed=("target",))
    crossentropy(two)
    binary(two)
    for log in (False, True):
        for red in REDUCTIONS + ("batchmean",):
            seeded(f"kl{log}")
            tgt = r32(5, 6) if log else torch.softmax(r32(5, 6), 1)
            graded(f"loss_kldiv_{int(log)}_{red}", "loss", "KLDivLoss", {"log_target": log, "note": "", "reduction": red},
                   lambda x, target: F.kl_div(F.log_softmax(x, 1), F.log_softmax(target, 1) if log else target, reduction=red, log_target=log),
                   {"x": r32(5, 6), "target": tgt}, fixed=("target",))
    ctc()
    for red, margin in itertools.product(REDUCTIONS, (0.0, 0.2)):
        seeded(f"pairs{margin}")
        t1 = torch.tensor([1., -1, 1, -1, 1, 1]).float()
        graded(f"loss_marginranking_{margin}_{red}", "loss", "MarginRankingLoss", {"margin": margin, "reduction": red},
               lambda a, b, target: F.margin_ranking_loss(a, b, target, margin, reduction=red), {"a": r32(6), "b": r32(6), "target": t1}, fixed=("target",))
        graded(f"loss_cosine_{margin}_{red}", "loss", "CosineEmbeddingLoss", {"margin": margin, "reduction": red},
               lambda a, b, target: F.cosine_embedding_loss(a, b, target, margin, reduction=red), {"a": r32(4, 5), "b": r32(4, 5), "target": t1[:4]}, fixed=("target",))
        for p, swap in itertools.product((1.0, 2.0, 3.0), (False, True)):
            args = {"margin": 1.0 + margin, "p": p, "eps": 1e-6, "reduction": red}
            if swap:
                args["swap"] = True
            triplet(margin, p, swap, red, args)
    multi(two)


def triplet(margin, pw, swap, red, args):
    graded(f"loss_triplet_{margin}_{pw}_{swap}_{red}", "loss", "TripletMarginLoss", args,
           lambda a, p, n: F.triplet_margin_loss(a, p, n, 1.0 + margin, pw, 1e-6, swap, reduction=red), {"a": r32(4, 5), "p": r32(4, 5), "n": r32(4, 5)})


def multi(two):
    """Losses of PyTorch's list that the language's list leaves out or names otherwise."""
    x, cls = r32(4, 5), torch.randint(0, 5, (4,))
    for p, margin in ((1, 1.0), (2, 0.5)):
        two(f"multimargin_{p}", "MultiMarginLoss", {"p": p, "margin": margin}, lambda x, t, r: F.multi_margin_loss(x, t, p, margin, reduction=r), x, cls)
    two("multilabelsoftmargin", "MultiLabelSoftMarginLoss", {}, lambda x, t, r: F.multilabel_soft_margin_loss(x, t, reduction=r), x, torch.randint(0, 2, (4, 5)).float())


def crossentropy(two):
    x, t, w = r32(5, 6), torch.randint(0, 6, (5,)), pos(6)
    t2 = t.clone()
    t2[1], t2[3] = -100, -100
    t3 = torch.tensor([2, 0, 2, 5, 1])
    for ls, weighted in itertools.product((0.0, 0.1, 0.5), (False, True)):
        for tag, ign, tt in (("", None, t), ("_ign", -100, t2), ("_ign2", 2, t3)):
            args, kw = {}, {}
            if ls:
                args["label_smoothing"] = ls
            if ign is not None:
                args["ignore_index"] = ign
            if weighted:
                kw["weight"] = w
            two(f"ce_{ls}_{weighted}{tag}", "CrossEntropyLoss", args, lambda x, t, r, weight=None: F.cross_entropy(x, t, weight, ignore_index=-100 if ign is None else ign, reduction=r, label_smoothing=ls), x, tt, **kw)
        args = {"target": "probabilities"}
        if ls:
            args["label_smoothing"] = ls
        two(f"ce_probs_{ls}_{weighted}", "CrossEntropyLoss", args, lambda x, t, r, weight=None: F.cross_entropy(x, t, weight, reduction=r, label_smoothing=ls), x,
            torch.softmax(r32(5, 6), 1), **({"weight": w} if weighted else {}))
        args = {"layout": "N,C,H,W"}
        if ls:
            args["label_smoothing"] = ls
        two(f"ce_2d_{ls}_{weighted}", "CrossEntropyLoss", args, lambda x, t, r, weight=None: F.cross_entropy(x, t, weight, reduction=r, label_smoothing=ls), r32(2, 6, 3, 3),
            torch.randint(0, 6, (2, 3, 3)), **({"weight": w} if weighted else {}))
    two("ce_2d_ign", "CrossEntropyLoss", {"layout": "N,C,H,W", "ignore_index": 1}, lambda x, t, r: F.cross_entropy(x, t, ignore_index=1, reduction=r), r32(2, 4, 3, 3), torch.randint(0, 4, (2, 3, 3)))
    two("ce_2d_probs", "CrossEntropyLoss", {"layout": "N,C,H,W", "target": "probabilities"}, lambda x, t, r: F.cross_entropy(x, t, reduction=r), r32(2, 4, 3, 3), torch.softmax(r32(2, 4, 3, 3), 1))
    two("ce_1d", "CrossEntropyLoss", {"layout": "N,C,L"}, lambda x, t, r: F.cross_entropy(x, t, reduction=r), r32(2, 4, 3), torch.randint(0, 4, (2, 3)))
    two("ce_extreme", "CrossEntropyLoss", {}, lambda x, t, r: F.cross_entropy(x, t, reduction=r), r32(5, 6, scale=300), t)
    two("ce_one_class", "CrossEntropyLoss", {}, lambda x, t, r: F.cross_entropy(x, t, reduction=r), r32(5, 1), torch.zeros(5, dtype=torch.int64))
    two("ce_all_ignored", "CrossEntropyLoss", {"ignore_index": -100}, lambda x, t, r: F.cross_entropy(x, t, reduction=r), r32(3, 4), torch.full((3,), -100))
    for weighted, ign in itertools.product((False, True), (None, 2)):
        args = {"note": "input is log_softmax(x, 1)"}
        if ign is not None:
            args["ignore_index"] = ign
        kw = {"weight": w} if weighted else {}
        fn = lambda x, t, r, weight=None: F.nll_loss(F.log_softmax(x, 1), t, weight, ignore_index=-100 if ign is None else ign, reduction=r)
        two(f"nll_{weighted}_{ign}", "NLLLoss", args, fn, x, t3, **kw)
        two(f"nll2d_{weighted}_{ign}", "NLLLoss", {**args, "layout": "N,C,H,W"}, fn, r32(2, 6, 2, 3), torch.randint(0, 6, (2, 2, 3)), **kw)


def binary(two):
    p, t = pos(4, 3, lo=0.02, hi=0.98), pos(4, 3, lo=0.0, hi=1.0)
    hard = torch.randint(0, 2, (4, 3)).float()
    for tag, tt in (("soft", t), ("hard", hard)):
        two("bce_" + tag, "BCELoss", {}, lambda x, t, r: F.binary_cross_entropy(x, t, reduction=r), p, tt)
        for wtag, w in (("full", pos(4, 3)), ("class", pos(3)), ("sample", pos(4, 1))):
            two(f"bce_weight_{wtag}_{tag}", "BCELoss", {}, lambda x, t, r, weight: F.binary_cross_entropy(x, t, weight, reduction=r), p, tt, weight=w)
            two(f"bcelogits_weight_{wtag}_{tag}", "BCEWithLogitsLoss", {}, lambda x, t, r, weight: F.binary_cross_entropy_with_logits(x, t, weight, reduction=r), r32(4, 3), tt, weight=w)
            two(f"bcelogits_both_{wtag}_{tag}", "BCEWithLogitsLoss", {}, lambda x, t, r, weight, pos_weight: F.binary_cross_entropy_with_logits(x, t, weight, pos_weight=pos_weight, reduction=r), r32(4, 3), tt, weight=w, pos_weight=pos(3))
        two("bcelogits_" + tag, "BCEWithLogitsLoss", {}, lambda x, t, r: F.binary_cross_entropy_with_logits(x, t, reduction=r), r32(4, 3), tt)
        two("bcelogits_extreme_" + tag, "BCEWithLogitsLoss", {}, lambda x, t, r: F.binary_cross_entropy_with_logits(x, t, reduction=r), r32(4, 3, scale=150), tt)
        two("bcelogits_posweight_" + tag, "BCEWithLogitsLoss", {}, lambda x, t, r, pos_weight: F.binary_cross_entropy_with_logits(x, t, pos_weight=pos_weight, reduction=r), r32(4, 3), tt, pos_weight=pos(3))
    edge = torch.tensor([[0.0, 1.0, 0.5], [1.0, 0.0, 1e-6]]).float()
    two("bce_edge", "BCELoss", {}, lambda x, t, r: F.binary_cross_entropy(x, t, reduction=r), edge, torch.tensor([[1.0, 0.0, 1.0], [1.0, 0.0, 0.0]]).float())


def ctc():
    def one(name, t, n, c, targets, inl, tl, blank=0, zero=False):
        for red in REDUCTIONS:
            seeded(name)
            x = r32(t, n, c)
            graded(f"loss_ctc_{name}_{red}", "loss", "CTCLoss", {"blank": blank, "zero_infinity": zero, "layout": "x: T,N,C logits; log_softmax over C applied first", "reduction": red},
                   lambda x, target, input_lengths, target_lengths: F.ctc_loss(F.log_softmax(x, 2), target, input_lengths, target_lengths, blank, red, zero),
                   {"x": x, "target": torch.tensor(targets), "input_lengths": torch.tensor(inl), "target_lengths": torch.tensor(tl)})
    one("basic", 8, 2, 5, [[1, 2, 3], [4, 3, 1]], [8, 8], [3, 3])
    one("repeat", 9, 2, 4, [[1, 1, 2, 2], [3, 3, 3, 1]], [9, 9], [4, 4])
    one("varlen", 12, 3, 6, [[1, 2, 3, 4, 5], [2, 2, 1, 0, 0], [5, 0, 0, 0, 0]], [12, 9, 5], [5, 3, 1])
    one("blanklast", 8, 2, 5, [[1, 2, 3], [0, 3, 1]], [8, 7], [3, 3], blank=4)
    one("zeroinf", 4, 2, 5, [[1, 1, 1, 1], [1, 2, 3, 4]], [4, 4], [4, 4], zero=True)
    one("zeroinf_varlen", 6, 3, 4, [[1, 1, 1, 1], [1, 2, 3, 0], [2, 0, 0, 0]], [4, 6, 3], [4, 3, 1], zero=True)
    one("tight", 3, 2, 4, [[1, 2, 3], [3, 2, 1]], [3, 3], [3, 3])
    one("single", 1, 1, 3, [[2]], [1], [1])
    one("long", 60, 2, 8, [[(i * 3) % 7 + 1 for i in range(20)], [(i * 5) % 7 + 1 for i in range(20)]], [60, 50], [20, 11])
    one("emptytarget", 5, 2, 4, [[1, 2], [1, 1]], [5, 4], [2, 0])


# ---------------------------------------------------------------- training

def optimizers():
    grid = {"SGD": dict(lr=[0.1], momentum=[0, 0.9], dampening=[0, 0.3], weight_decay=[0, 0.1], nesterov=[False, True], maximize=[False, True]),
            "Adam": dict(lr=[0.01], betas=[(0.9, 0.999), (0.8, 0.9)], eps=[1e-8], weight_decay=[0, 0.1], amsgrad=[False, True], maximize=[False, True]),
            "AdamW": dict(lr=[0.01], betas=[(0.9, 0.999), (0.8, 0.9)], eps=[1e-8, 1e-3], weight_decay=[0, 0.1], amsgrad=[False, True], maximize=[False, True]),
            "RMSprop": dict(lr=[0.01], momentum=[0, 0.9], alpha=[0.99, 0.5], eps=[1e-8], centered=[False, True], weight_decay=[0, 0.1]),
            "Adagrad": dict(lr=[0.1], lr_decay=[0, 0.1], weight_decay=[0, 0.1], initial_accumulator_value=[0, 0.5], eps=[1e-10], maximize=[False, True]),
            "Adadelta": dict(lr=[1.0, 0.5], rho=[0.9, 0.95], eps=[1e-6], weight_decay=[0, 0.05], maximize=[False, True]),
            "Adamax": dict(lr=[0.01], betas=[(0.9, 0.999), (0.8, 0.9)], eps=[1e-8], weight_decay=[0, 0.1], maximize=[False, True]),
            "NAdam": dict(lr=[0.01], betas=[(0.9, 0.999), (0.8, 0.9)], eps=[1e-8], weight_decay=[0, 0.1], momentum_decay=[0.004, 0.02]),
            "RAdam": dict(lr=[0.01], betas=[(0.9, 0.999), (0.8, 0.9)], eps=[1e-8], weight_decay=[0, 0.1])}
    for word, axes in grid.items():
        for i, values in enumerate(itertools.product(*axes.values())):
            args = dict(zip(axes, values))
            if args.get("nesterov") and (not args["momentum"] or args["dampening"]):
                continue
            optimizer(f"opt_{word.lower()}_{i}", word, args, 20 if i % 5 == 0 else 5)
    optimizer("opt_sgd_sparse", "SGD", {"lr": 0.1, "momentum": 0.9}, 5, zero=True)
    for word in ("Adam", "Adagrad", "RMSprop", "Adadelta", "Adamax"):
        optimizer(f"opt_{word.lower()}_zerograd", word, {"lr": 0.01}, 5, zero=True)


def optimizer(name, word, args, steps, zero=False):
    seeded(name)
    ps = [nn.Parameter(r32(3, 4).double()), nn.Parameter(r32(5).double())]
    arrays = {f"param.p{i}": p.detach().float() for i, p in enumerate(ps)}
    opt = getattr(torch.optim, word)(ps, **args)
    grads, after = [[], []], [[], []]
    for _ in range(steps):
        for i, p in enumerate(ps):
            g = r32(*p.shape)
            if zero:
                g = g * (torch.rand_like(g) > 0.5)
            p.grad = g.double()
            grads[i].append(g)
        opt.step()
        for i, p in enumerate(ps):
            after[i].append(p.detach().clone())
    for i in range(2):
        arrays[f"grad.p{i}"], arrays[f"after.p{i}"] = torch.stack(grads[i]), torch.stack(after[i])
    case(name, "optimizer", word, {k: list(v) if isinstance(v, tuple) else v for k, v in args.items()}, arrays)


def schedulers():
    S = torch.optim.lr_scheduler

    def sched(name, op, args, make, steps=30, base=0.1, momentum=False):
        p = nn.Parameter(torch.zeros(1))
        opt = torch.optim.SGD([p], lr=base, momentum=0.9)
        s = make(opt)
        lr, mom = [], []
        for _ in range(steps):
            lr.append(opt.param_groups[0]["lr"])
            mom.append(opt.param_groups[0]["momentum"])
            opt.step()
            s.step()
        arrays = {"lr": torch.tensor(lr)}
        if momentum:
            arrays["momentum"] = torch.tensor(mom)
        case("sched_" + name, "scheduler", op, {**args, "base_lr": base, "steps": steps}, arrays)
    for size, gamma in ((7, 0.5), (3, 0.1), (1, 0.9)):
        sched(f"step_{size}_{gamma}", "StepLR", {"step_size": size, "gamma": gamma}, lambda o: S.StepLR(o, size, gamma))
    for ms, gamma in (([5, 12], 0.1), ([3], 0.5), ([2, 4, 4, 20], 0.7)):
        sched(f"multistep_{len(ms)}", "MultiStepLR", {"milestones": ms, "gamma": gamma}, lambda o: S.MultiStepLR(o, ms, gamma))
    for gamma in (0.9, 0.5):
        sched(f"exp_{gamma}", "ExponentialLR", {"gamma": gamma}, lambda o: S.ExponentialLR(o, gamma))
    for t, end in ((10, 0.01), (30, 0.0), (7, 0.001)):
        sched(f"cosine_{t}", "CosineAnnealingLR", {"T_max": t, "eta_min": end}, lambda o: S.CosineAnnealingLR(o, t, end), steps=35)
    for t0, mult, end in ((5, 1, 0.0), (5, 2, 0.001), (3, 3, 0.01)):
        sched(f"restarts_{t0}_{mult}", "CosineAnnealingWarmRestarts", {"T_0": t0, "T_mult": mult, "eta_min": end}, lambda o: S.CosineAnnealingWarmRestarts(o, t0, mult, end))
    for a, b, n in ((0.1, 1.0, 8), (1.0, 0.1, 8), (0.5, 0.8, 5), (1 / 3, 1.0, 5)):
        sched(f"linear_{a:.2f}_{b}", "LinearLR", {"start_factor": a, "end_factor": b, "total_iters": n}, lambda o: S.LinearLR(o, a, b, n), steps=15)
    for f, n in ((0.5, 5), (1 / 3, 4)):
        sched(f"constant_{f:.2f}", "ConstantLR", {"factor": f, "total_iters": n}, lambda o: S.ConstantLR(o, f, n), steps=12)
    for n, power in ((10, 1.0), (10, 2.0), (20, 0.5)):
        sched(f"poly_{n}_{power}", "PolynomialLR", {"total_iters": n, "power": power}, lambda o: S.PolynomialLR(o, n, power))
    for mode, down in itertools.product(("triangular", "triangular2", "exp_range"), (None, 8)):
        args = {"base": 0.01, "max": 0.1, "step_size_up": 5, "mode": mode}
        if down:
            args["step_size_down"] = down
        if mode == "exp_range":
            args["gamma"] = 0.97
        sched(f"cyclic_{mode}_{down}", "CyclicLR", args, lambda o: S.CyclicLR(o, 0.01, 0.1, 5, down, mode, args.get("gamma", 1.0), cycle_momentum=False), base=0.01)
    for strategy, three, pct in itertools.product(("cos", "linear"), (False, True), (0.3, 0.45)):
        args = {"max_lr": 0.5, "total_steps": 30, "pct_start": pct, "anneal_strategy": strategy, "three_phase": three, "div_factor": 25.0, "final_div_factor": 1e4,
                "base_momentum": 0.85, "max_momentum": 0.95}
        sched(f"onecycle_{strategy}_{three}_{pct}", "OneCycleLR", args, 
              lambda o: S.OneCycleLR(o, 0.5, total_steps=30, pct_start=pct, anneal_strategy=strategy, three_phase=three), steps=29, momentum=True)
    for f in (0.95, 0.5):
        sched(f"lambda_{f}", "LambdaLR", {"lambda": f"{f} ** epoch"}, lambda o: S.LambdaLR(o, lambda e: f ** e))
        sched(f"multiplicative_{f}", "MultiplicativeLR", {"factor": f}, lambda o: S.MultiplicativeLR(o, lambda e: f))
    sched("warmup_cosine", "SequentialLR", {"schedulers": [{"op": "LinearLR", "start_factor": 0.1, "end_factor": 1.0, "total_iters": 5}, {"op": "CosineAnnealingLR", "T_max": 20, "eta_min": 0.0}], "milestones": [5]},
          lambda o: S.SequentialLR(o, [S.LinearLR(o, 0.1, 1.0, 5), S.CosineAnnealingLR(o, 20)], [5]), steps=25)


def clips():
    for kind, value in [("norm", (m, p)) for m in (1.0, 2.0, 100.0) for p in (1.0, 2.0, 3.0, math.inf)] + [("value", v) for v in (0.1, 0.5, 1.5)]:
        name = f"clip_{kind}_{value}".replace("(", "").replace(")", "").replace(", ", "_")
        seeded(name)
        gs = [r32(3, 4), r32(5), r32(2, 2, 2)]
        ps = [nn.Parameter(torch.zeros(g.shape)) for g in gs]
        arrays = {}
        for i, (p, g) in enumerate(zip(ps, gs)):
            p.grad, arrays[f"in.g{i}"] = g.double(), g
        if kind == "norm":
            arrays["out.total_norm"] = nn.utils.clip_grad_norm_(ps, value[0], value[1])
            args = {"max_norm": value[0], "norm_type": str(value[1]), "formula": "g * min(1, max_norm/(total_norm+1e-6))"}
        else:
            nn.utils.clip_grad_value_(ps, value)
            args = {"clip_value": value}
        for i, p in enumerate(ps):
            arrays[f"out.g{i}"] = p.grad.clone()
        case(name, "clip", kind, args, arrays)


class Last(nn.Module):
    def forward(self, x):
        return x[0][:, -1]


def module(text):
    w = text.split()
    kw = {{"k": "kernel_size", "s": "stride", "p": "padding"}[a[0]]: int(a[1:]) for a in w[1:] if a[0] in "ksp" and a[1:].isdigit()}
    n = [int(a) for a in w[1:] if a.isdigit()]
    if w[0] in ("Linear", "Embedding", "LayerNorm", "BatchNorm1d", "BatchNorm2d", "GroupNorm"):
        return getattr(nn, w[0])(*n)
    if w[0] in ("Conv1d", "Conv2d", "ConvTranspose2d", "MaxPool2d", "AvgPool2d"):
        return getattr(nn, w[0])(*n, **kw)
    if w[0] in ("LSTM", "GRU", "RNN"):
        return getattr(nn, w[0])(*n, batch_first=True)
    if w[0] == "GELU":
        return nn.GELU(approximate="tanh" if "tanh" in w else "none")
    if w[0] == "LeakyReLU":
        return nn.LeakyReLU(float(w[1]))
    return getattr(nn, w[0])()


class GPT(nn.Module):
    """The manifest's pre-norm GPT."""

    def __init__(self, vocab, embed, heads, ctx, layers):
        super().__init__()
        self.heads, self.layers = heads, layers
        self.tok, self.pos = nn.Embedding(vocab, embed), nn.Embedding(ctx, embed)

        def many(make):
            return nn.ModuleList([make() for _ in range(layers)])
        self.ln1, self.ln2 = many(lambda: nn.LayerNorm(embed)), many(lambda: nn.LayerNorm(embed))
        self.qkv, self.proj = many(lambda: nn.Linear(embed, 3 * embed)), many(lambda: nn.Linear(embed, embed))
        self.fc, self.fc2 = many(lambda: nn.Linear(embed, 4 * embed)), many(lambda: nn.Linear(4 * embed, embed))
        self.lnf, self.head = nn.LayerNorm(embed), nn.Linear(embed, vocab, bias=False)

    def forward(self, x):
        b, t = x.shape
        h = self.tok(x) + self.pos(torch.arange(t))
        for i in range(self.layers):
            q, k, v = (z.reshape(b, t, self.heads, -1).transpose(1, 2) for z in self.qkv[i](self.ln1[i](h)).chunk(3, -1))
            s = (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])).masked_fill(torch.triu(torch.ones(t, t, dtype=torch.bool), 1), -math.inf)
            h = h + self.proj[i]((torch.softmax(s, -1) @ v).transpose(1, 2).reshape(b, t, -1))
            h = h + self.fc2[i](F.gelu(self.fc[i](self.ln2[i](h)), approximate="tanh"))
        return self.head(self.lnf(h))


def train(name, lines, loss, opt, x, target, clip=None, named=False):
    seeded(name)
    if isinstance(lines, dict):
        return run_training(name, lines, GPT(*(lines[k] for k in ("vocab", "embed", "heads", "ctx", "layers"))), loss, opt, x, target, clip)
    mods = [Last() if l == "last step" else module(l) for l in lines]
    if named:
        tags = {"Embedding": "emb", "LSTM": "rnn", "GRU": "rnn", "RNN": "rnn", "Linear": "fc"}
        from collections import OrderedDict
        net = nn.Sequential(OrderedDict((tags.get(l.split()[0], f"m{i}"), m) for i, (l, m) in enumerate(zip(lines, mods))))
    else:
        net = nn.Sequential(*mods)
    run_training(name, lines, net, loss, opt, x, target, clip)


def run_training(name, lines, net, loss, opt, x, target, clip):
    for p in net.parameters():
        p.data = p.data.float().double()
    arrays = {"param." + k: p.detach().float() for k, p in net.named_parameters()}
    arrays.update({"buf." + k: b.float() for k, b in net.named_buffers() if b.dtype.is_floating_point})
    arrays["in.x"], arrays["in.target"] = x, target
    kw = dict(opt)
    o = getattr(torch.optim, kw.pop("op"))(net.parameters(), **{k: tuple(v) if isinstance(v, list) else v for k, v in kw.items()})
    ls = []
    for s in range(len(x)):
        xs, ts = (v[s].double() if v.dtype == torch.float32 else v[s] for v in (x, target))
        o.zero_grad()
        y = net(xs)
        value = getattr(nn, loss.split()[0])()(*(y.flatten(0, 1), ts.flatten()) if isinstance(lines, dict) else (y, ts))
        value.backward()
        if clip:
            nn.utils.clip_grad_norm_(net.parameters(), clip)
        if s == 0:
            arrays["out.y0"] = y.detach()
            arrays.update({"grad0." + k: p.grad.clone() for k, p in net.named_parameters()})
        o.step()
        ls.append(value.detach())
    arrays["out.loss"] = torch.stack(ls)
    arrays.update({"after." + k: p.detach() for k, p in net.named_parameters()})
    arrays.update({"bufafter." + k: b for k, b in net.named_buffers() if b.dtype.is_floating_point})
    net.eval()
    arrays["out.y_eval"] = net(x[0].double() if x.dtype == torch.float32 else x[0]).detach()
    case("train_" + name, "train", "train", {"model": lines, "loss": loss, "optimizer": opt, "steps": len(x), "clip_grad_norm": clip}, arrays)


def training():
    seeded("training")
    cls = torch.randint(0, 3, (20, 8))
    mlp = ["Linear 6 8", "Tanh", "Linear 8 8", "Tanh", "Linear 8 3"]
    for op in ({"op": "SGD", "lr": 0.1, "momentum": 0.9}, {"op": "SGD", "lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}, {"op": "Adam", "lr": 0.01}, {"op": "AdamW", "lr": 0.01, "weight_decay": 0.1},
               {"op": "RMSprop", "lr": 0.01}, {"op": "Adagrad", "lr": 0.1}, {"op": "Adadelta", "lr": 1.0}, {"op": "Adamax", "lr": 0.01}, {"op": "NAdam", "lr": 0.01}, {"op": "RAdam", "lr": 0.01}):
        for clip in (None, 0.5):
            train(f"mlp_{op['op'].lower()}_{len(op)}_{clip}", mlp, "CrossEntropyLoss mean", op, r32(20, 8, 6), cls, clip)
    train("cnn_bn", ["Conv2d 1 4 k3 p1", "BatchNorm2d 4", "ReLU", "MaxPool2d k2", "Flatten", "Linear 36 3"], "CrossEntropyLoss mean", {"op": "SGD", "lr": 0.05, "momentum": 0.9}, r32(5, 8, 1, 6, 6), cls[:5])
    train("cnn_plain", ["Conv2d 1 4 k3 p1", "ReLU", "MaxPool2d k2", "Conv2d 4 4 k3", "ReLU", "Flatten", "Linear 4 3"], "CrossEntropyLoss mean", {"op": "Adam", "lr": 0.01}, r32(5, 8, 1, 6, 6), cls[:5])
    train("cnn_gn", ["Conv2d 1 4 k3 p1", "GroupNorm 2 4", "SiLU", "AvgPool2d k2", "Flatten", "Linear 36 3"], "CrossEntropyLoss mean", {"op": "AdamW", "lr": 0.01}, r32(5, 8, 1, 6, 6), cls[:5])
    train("mlp_bn", ["Linear 6 8", "BatchNorm1d 8", "ReLU", "Linear 8 3"], "CrossEntropyLoss mean", {"op": "Adam", "lr": 0.01}, r32(5, 8, 6), cls[:5])
    train("mlp_ln", ["Linear 6 8", "LayerNorm 8", "GELU tanh", "Linear 8 1"], "MSELoss mean", {"op": "Adam", "lr": 0.01}, r32(5, 8, 6), r32(5, 8, 1))
    for loss in ("L1Loss mean", "SmoothL1Loss mean", "HuberLoss mean", "BCEWithLogitsLoss mean"):
        train("mlp_" + loss.split()[0].lower(), ["Linear 6 8", "ELU", "Linear 8 2"], loss, {"op": "SGD", "lr": 0.05}, r32(5, 8, 6), pos(5, 8, 2, lo=0, hi=1))
    for layers, op in ((1, {"op": "SGD", "lr": 0.1}), (2, {"op": "AdamW", "lr": 0.005, "betas": [0.9, 0.95], "weight_decay": 0.1}), (3, {"op": "Adam", "lr": 0.01})):
        text = torch.randint(0, 11, (5, 3, 7))
        train(f"gpt_{layers}layer_{op['op'].lower()}", {"arch": "pre-norm GPT", "vocab": 11, "embed": 8, "heads": 2, "ctx": 6, "layers": layers}, "CrossEntropyLoss mean over all positions", op,
              text[:, :, :-1].contiguous(), text[:, :, 1:].contiguous(), 1.0)
    tok = torch.randint(0, 12, (5, 4, 7))
    for cell in ("RNN", "LSTM", "GRU"):
        train(f"{cell.lower()}_classifier", ["Embedding 12 5", f"{cell} 5 6 batch_first", "last step", "Linear 6 3"], "CrossEntropyLoss mean", {"op": "Adam", "lr": 0.01}, tok, cls[:5, :4], 1.0, named=True)


def main():
    global FOLDER
    FOLDER = sys.argv[1]
    os.makedirs(os.path.join(FOLDER, "cases"), exist_ok=True)
    for part in (layers, activations, ops, losses, optimizers, schedulers, clips, training):
        part()
    with open(os.path.join(FOLDER, "manifest.json"), "w") as f:
        json.dump({"format": 1, "reference": "PyTorch " + torch.__version__, "cases": CASES}, f)
    print(len(CASES), "cases")


main()
