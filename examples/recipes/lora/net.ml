edition 1

// LoRA is a linear layer whose own weights stay as they are: what is learned is a
// product of two thin matrices beside it (Hu et al. 2021). b starts at zero.
block LoRA(features, rank, scale = 1.0) {
    input x [..., d]
    param a [rank, d]        = kaiming_uniform
    param b [features, rank] = zeros
    layer base = linear(features)
    output (x -> base) + einsum("...d,rd,fr->...f", x, a, b) * scale
}

// Adapted fine-tunes a network with few new parameters: mlc train --weights FILE
// --partial takes the rest from the file.
model Adapted(hidden = 128, rank = 4, classes = 10) {
    input x float32[batch, 784]
    output logits = x -> fc1: LoRA(hidden, rank) -> relu -> fc2: LoRA(classes, rank)

    train {
        input labels int32[batch]
        freeze "*.base.*"
        loss cross_entropy(logits, labels)
        metric accuracy(logits, labels)
        optimizer adamw(lr = 1e-2)
    }
}
