edition 1
model M() {
    // ‪ x // ERROR "ML0008.*U\+202A"
}
