edition 1
model M() {
    input x float32[batch, 4]
    output scan x in xs over time carry h = 0 { yield h } // ERROR "ML0019"
    output x
}
