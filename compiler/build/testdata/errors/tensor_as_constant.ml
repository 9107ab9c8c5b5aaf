edition 1

model M() {
    input x float32[batch, 4]
    y = x
    if sum(x) > 0 { // ERROR "`if` is decided when the model is compiled.*where"
        y = -x
    }
    for i in x { // ERROR "`for` runs when the model is compiled.*scan"
        y = y + i
    }
    output y
}
