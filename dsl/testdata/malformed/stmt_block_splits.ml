edition 1
model M() { // ERROR "ML0002"
    y = x
    block
    output x // ERROR "ML0001"
}
