edition 1
model M() {
    input x float32[batch, 4]
    y = x.(a) // ERROR "ML0001"
    output x
}
