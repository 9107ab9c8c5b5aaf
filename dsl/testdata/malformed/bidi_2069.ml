edition 1
model M() {
    x = 1 ⁩  // ERROR "ML0008.*U\+2069"
}
