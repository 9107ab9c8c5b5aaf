edition 1

// Explained is a classifier that can be asked which pixels decide. delta is added
// to the image and is zero. One update of the block explain leaves in it the
// gradient of a class's score by the pixels (Simonyan et al. 2013): train from Go,
// read delta, set it to zero again. More updates make an adversarial image.
model Explained(hidden = 64, classes = 10) {
    input x float32[batch, 784]
    param delta [784] = zeros
    output logits = x + delta -> fc1: linear(hidden) -> relu -> fc2: linear(classes)

    train learn {
        input labels int32[batch]
        freeze delta
        loss cross_entropy(logits, labels)
        metric accuracy(logits, labels)
        optimizer adam(lr = 1e-3)
    }

    train explain {
        input classes_asked int32[batch]
        freeze fc1, fc2
        loss -mean(gather(logits, reshape(classes_asked, [batch, 1]), axis = 1))
        optimizer sgd(lr = 1.0)
    }
}
