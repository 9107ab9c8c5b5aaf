edition 1
input x float32[batch] // ERROR "ML0021"
model M() {
    input x float32[batch, 4]
    output x
}
