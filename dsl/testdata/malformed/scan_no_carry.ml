edition 1
model M() {
    input x float32[batch, 4]
    y = scan x in xs over time { yield x } // ERROR "ML0001"
    output x
}
