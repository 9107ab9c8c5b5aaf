edition 1

model M() {
    input xs float32[batch, time, 4]
    ys, last = scan x in xs over time carry h = zeros([batch, 4]) {
        h = concat(h, x, axis = 1) // ERROR "the carry h starts as float32.batch, 4. and becomes float32.batch, 8."
        yield x
    }
    output ys, last
}
