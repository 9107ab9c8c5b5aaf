edition 1
model M() {
    input x float32[batch, 4]
    y = if a { b } else { c } // ERROR "ML0019"
    output x
}
