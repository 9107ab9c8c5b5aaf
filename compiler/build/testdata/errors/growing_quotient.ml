edition 1

model M() {
    input x float32[batch, time]
    n = batch + 1
    for i in range(60) {
        n = floor_divide(n, time) + n // ERROR "this dimension is too large"
    }
    output x * n
}
