edition 1

// MNISTFast is the classic classifier with a recipe that reaches 98% in five
// epochs of 128: AdamW, a short warm-up, and a cosine down to zero.
//
//	mlc train specs/mnist_fast/net.ml --data DIR --epochs 5 --batch 128 --scale channels
model MNISTFast(hidden = 128, classes = 10, steps = 2345) {
    input x float32[batch, 784]

    logits = x -> fc1: linear(hidden) -> relu -> fc2: linear(classes)
    output logits

    train {
        input labels int32[batch]
        loss cross_entropy(logits, labels)
        metric accuracy(logits, labels)
        optimizer adamw(lr = cosine(3e-3, warmup = 50, steps = steps, end = 0))
    }
}
