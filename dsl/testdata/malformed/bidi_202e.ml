edition 1
model M() {
    assert true, "‮"   // ERROR "ML0008.*U\+202E"
}
