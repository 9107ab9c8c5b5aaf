edition 1
model M() {
    input x float32[batch, 4]
    y = f(a b) // ERROR "ML0001.*`b`"
    output x
}
