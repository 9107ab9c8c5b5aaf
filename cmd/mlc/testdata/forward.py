"""Loads a file of mlc into PyTorch under its own names and prints the outputs.

usage: forward.py mlp|lenet WEIGHTS PIXELS

PIXELS holds images of 784 bytes. Prints one line of logits an image.
"""

import json
import struct
import sys

import torch
from torch import nn


def read(name):
    with open(name, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    tensors = {}
    for key, t in header.items():
        if key != "__metadata__":
            assert t["dtype"] == "F32", t
            begin, end = t["data_offsets"]
            tensors[key] = torch.frombuffer(bytearray(data[begin:end]), dtype=torch.float32).view(t["shape"])
    return tensors


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(784, 16), nn.Linear(16, 10)

    def forward(self, x):
        return self.fc2(self.fc1(x.flatten(1)).relu())


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = nn.functional.max_pool2d(self.conv1(x).relu(), 2)
        x = nn.functional.max_pool2d(self.conv2(x).relu(), 2)
        return self.fc3(self.fc2(self.fc1(x.flatten(1)).relu()).relu())


net = {"mlp": MLP, "lenet": LeNet}[sys.argv[1]]()
net.load_state_dict(read(sys.argv[2]))  # strict: the names are the same
net.double()
with open(sys.argv[3], "rb") as f:
    images = torch.frombuffer(bytearray(f.read()), dtype=torch.uint8).view(-1, 1, 28, 28).double() / 255
with torch.no_grad():
    for row in net(images):
        print(*[repr(v) for v in row.tolist()])
