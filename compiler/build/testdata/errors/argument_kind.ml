edition 1

model M() {
    input x float32[batch, 4]
    a = x -> fc1: linear("8") // ERROR "a size is needed, and this is the string"
    b = x -> fc2: linear(8, bias = 1) // ERROR "bias of linear is a bool, and this is the number 1"
    c = x -> fc3: linear(x) // ERROR "a size must be known when the model is compiled, and this is a tensor float32.batch, 4."
    d = x -> fc4: linear(0) // ERROR "features of linear is at least 1"
    output a, b, c, d
}
