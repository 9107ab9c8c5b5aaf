edition 1

block Net(hidden, classes) {
    input x [batch, n]
    output x -> fc1: linear(hidden) -> relu -> fc2: linear(classes)
}

// Distilled trains a small network to agree with a large one that is trained
// already (Hinton et al. 2015). Train the block teach first, then go on with the
// block distill from its weights: mlc train --train distill --weights FILE.
model Distilled(large = 256, small = 16, classes = 10, temperature = 4.0) {
    input x float32[batch, 784]
    layer teacher = Net(large, classes)
    output logits = x -> student: Net(small, classes)

    train teach {
        input labels int32[batch]
        loss cross_entropy(x -> teacher, labels)
        optimizer adam(lr = 1e-3) on teacher
    }

    train distill {
        input labels int32[batch]
        known = stop_gradient(x -> teacher) / temperature -> softmax(axis = -1)
        soft  = logits / temperature -> log_softmax(axis = -1)
        agree = -mean(sum(known * soft, axis = -1)) * temperature * temperature
        loss 0.5 * agree + 0.5 * cross_entropy(logits, labels)
        metric accuracy(logits, labels)
        optimizer adam(lr = 1e-3) on student
    }
}
