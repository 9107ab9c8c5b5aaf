edition 1
model M() {
    input x float32[batch, 4]
    var y = x // ERROR "ML0020.*var"
    output x
}
