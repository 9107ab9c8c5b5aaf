edition 1

model M() {
    input x float32[batch, 784]
    y = x -> fc: linear(10)
    output y
    train {
        input labels float32[batch]
        loss cross_entropy(y, labels) // ERROR "class indices are integers, such as int32"
        optimizer adam(lr = 0.001)
    }
}
