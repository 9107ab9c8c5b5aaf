edition 1

model M() {
    input x float32[batch, 4]
    output x -> dense(8) // ERROR "there is no layer or function dense.*did you mean linear"
}
