edition 1
model M() {
    input x float32[batch, 4]
    train model { // ERROR "ML0018|ML0001"
    }
    output x
}
