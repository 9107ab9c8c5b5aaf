edition 1
model M() {
    input x float32[batch, 4]
    y = scan x in xs over time carry h = 0 ] // ERROR "ML0003"
    output x
}
