"""Computes the classifier's loss and gradients in PyTorch.

usage: gradients.py FILE

FILE holds little-endian float32 values: the weights fc1.weight, fc1.bias,
fc2.weight, fc2.bias, then the images, then the labels. Prints the loss; then
FILE holds the gradients in the weights' order.
"""

import sys

import torch

shapes = [(128, 784), (128,), (10, 128), (10,)]
with open(sys.argv[1], "rb") as f:
    values = torch.frombuffer(bytearray(f.read()), dtype=torch.float32)
weights = []
for shape in shapes:
    n = torch.Size(shape).numel()
    weights.append(values[:n].view(shape).clone().requires_grad_())
    values = values[n:]
batch = len(values) // 785
images, labels = values[: batch * 784].view(batch, 784), values[batch * 784 :].long()
w1, b1, w2, b2 = weights
logits = torch.relu(images @ w1.T + b1) @ w2.T + b2
loss = torch.nn.functional.cross_entropy(logits, labels)
loss.backward()
print(repr(loss.item()))
with open(sys.argv[1], "wb") as f:
    for w in weights:
        f.write(w.grad.contiguous().numpy().tobytes())
