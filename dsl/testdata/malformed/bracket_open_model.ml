edition 1
model A() { // ERROR "ML0002"
    x = 1
block B() {
}
