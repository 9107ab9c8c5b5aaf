edition 1

block Pair() {
    input a [batch, d]
    input b [batch, d]
    output a + b
}

model M() {
    input x float32[batch, 4]
    input y float32[batch, 3]
    p = x -> Pair // ERROR "Pair needs the input b"
    q = (x, x, x) -> Pair // ERROR "takes 2 inputs, and 3 values come in"
    r = (x, y) -> Pair // ERROR "axis 1 of the input b of Pair is 3, and must be d = 4"
    output p, q, r
}
