edition 1

model M() {
    input x float32[batch, 4]
    l = [1, 2]
    a = x[:, 4] // ERROR "index 4 of axis 1, which has 4"
    b = x[:, 2:7] // ERROR "the slice 2 to 7 of axis 1, which has 4"
    c = x[0, 0, 0] // ERROR "3 indices of a tensor with 2 dimensions"
    d = l[2] // ERROR "index 2 of a list of 2"
    e = softmax(x, axis = 2) // ERROR "axis 2 of a tensor with 2 dimensions"
    output a, b, c, e, x * d
}
