edition 1
model A() {
    x 1 // ERROR "ML0001"
}
model M() {
    input x float32[batch, 4]
    output x
}
func g(x) = x + * 2 // ERROR "ML0019"
