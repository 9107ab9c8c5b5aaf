edition 1

model M() {
    input x float32[batch, 4]
    a, b, c = split(x, 2, axis = 1) // ERROR "names 3 values, and the right side gives 2 values"
    d = split(x, 2, axis = 1) // ERROR "names one value, and the right side gives 2 values"
    e = split(x, 3, axis = 1) // ERROR "does not split into 3 equal parts"
    output a, b, c, d, e
}
