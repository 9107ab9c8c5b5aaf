edition 1
model A() {
    for i in range(3) { // ERROR "ML0002"
        x = 1
}
