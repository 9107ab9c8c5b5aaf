edition 1

// Exp, Tanh, Gelu and Softmax are one function of every element; Update is Adam's
// step on a parameter whose gradient is read from memory.
model Exp() {
    input x float32[batch]
    output y = exp(x)
}

model Tanh() {
    input x float32[batch]
    output y = tanh(x)
}

model Gelu() {
    input x float32[batch]
    output y = gelu(x, approximate = "tanh")
}

model Softmax() {
    input x float32[batch, 128]
    output y = softmax(x, axis = -1)
}

model Update() {
    input x float32[100000]
    param weight [100000] = normal(std = 1)
    output y = x * weight

    train {
        loss sum(x * weight)
        optimizer adam(lr = 1e-3)
    }
}
