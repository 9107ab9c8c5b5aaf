edition 1

model M() {
    input x float32[batch]
    input n int32[batch]
    a = x + n // ERROR "dtypes differ: float32 and int32.*cast"
    b = n + 0.5 // ERROR "the number 0.5 meets a tensor of int32"
    output a, b
}
