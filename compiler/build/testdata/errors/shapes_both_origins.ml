edition 1

model M() {
    input x float32[batch, 4]
    input y float32[batch, 5]
    z = x + y // ERROR "shapes .batch, 4. and .batch, 5. do not broadcast.*this is float32.batch, 4..*this is float32.batch, 5."
    w = matmul(x, y) // ERROR "the last axis of the first is 4, and the second has batch to match it"
    v = concat(x, y, axis = 0) // ERROR "differ on axis 1, and they are joined along axis 0"
    u = einsum("ik,jk->ij", x, y) // ERROR "axis 1 of the first is 4, axis 1 of the second is 5"
    output z, w, v, u
}
