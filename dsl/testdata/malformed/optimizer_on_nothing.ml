edition 1
model M() {
    input x float32[batch, 4]
    train { optimizer sgd on } // ERROR "ML0001"
    output x
}
