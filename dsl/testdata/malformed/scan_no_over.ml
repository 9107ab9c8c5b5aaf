edition 1
model M() {
    input x float32[batch, 4]
    y = scan x in xs carry h = 0 { yield h } // ERROR "ML0001"
    output x
}
