edition 1
model A() { // ERROR "ML0002"
    for i in range(3) {
        x = 1
}
