edition 1
model M() {
    input x float32[batch, 4]
    if { // ERROR "ML0019"
    }
    output x
}
