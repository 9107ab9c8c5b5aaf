edition 1

model M() {
    input x float32[batch, time]
    output x -> fc: linear(2) // ERROR "would be time, which is known only at run time"
}
