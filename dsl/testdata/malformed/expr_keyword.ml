edition 1
model M() {
    input x float32[batch, 4]
    y = x + block // ERROR "ML0018"
    output x
}
