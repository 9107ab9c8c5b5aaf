edition 1

model M() {
    input x float32[batch, 4]
    param w [4] = arange(3) // ERROR "its initial value is"
    param v [4] = x[0] // ERROR "may not depend on inputs"
    output x * w * v
}
