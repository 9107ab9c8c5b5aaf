edition 1
model M() {
    input x float32[batch, 4]
    while x { // ERROR "ML0020.*while"
    }
    output x
}
