edition 1
model M() {
    input x float32[batch, 4]
    for = x // ERROR "ML0001|ML0018"
    output x
}
