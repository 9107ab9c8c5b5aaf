edition 1

model M() {
    input x float32[batch, time]
    n = batch + time + 1
    for i in range(60) {
        n = n * n + batch * (time + 1) // ERROR "this dimension is too large|63 bits"
    }
    output x * n
}
