edition 1
model M() {
    input x float32[batch, 4]
    else { // ERROR "ML0001.*else"
    }
    output x
}
