edition 1

block Half() {
    input x [batch, time]
    output reshape(x, [batch, 2, time / 2]) // ERROR "time / 2 may not be whole"
}

model M() {
    input x float32[batch, time]
    output x -> Half
}
