edition 1
model M() {
    input x float32[batch, 4]
    if true {
    } elif false { // ERROR "ML0020.*elif"
    }
    output x
}
