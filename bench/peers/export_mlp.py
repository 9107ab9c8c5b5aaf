"""Writes the 784-128-10 classifier as ONNX files, one for each batch size given: export_mlp.py FOLDER BATCH..."""
import os
import sys

import torch

folder, batches = sys.argv[1], sys.argv[2:]
os.makedirs(folder, exist_ok=True)
net = torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10)).eval()
for batch in batches:
    torch.onnx.export(net, torch.randn(int(batch), 784), f"{folder}/mlp_b{batch}.onnx",
                      opset_version=16, input_names=["x"], output_names=["y"])
