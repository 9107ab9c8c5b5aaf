edition 1

block A() {
    input x [batch, d]
    output x -> b: B
}

block B() {
    input x [batch, d]
    output x -> a: A // ERROR "A uses itself: A -> B -> A"
}

model M() {
    input x float32[batch, 4]
    output x -> a: A
}
