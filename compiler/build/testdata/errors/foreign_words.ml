edition 1

model M() {
    input x float32[batch, 3, 8, 8]
    a = x -> Conv2D(8) // ERROR "did you mean conv2d"
    b = x -> cat(1) // ERROR "did you mean concat"
    c = x -> reluu // ERROR "did you mean relu"
    output a, b, c
}
