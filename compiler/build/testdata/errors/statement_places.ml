edition 1

func f(x) = x

block B() {
    input x [batch, d]
    loss sum(x) // ERROR "loss may not stand in a block"
    output x
}

model M() {
    input x float32[batch, 4]
    freeze "a" // ERROR "freeze may not stand in a model"
    state s float32[4] = zeros // ERROR "state may not stand in a model"
    y = x -> B
    output f(y)
    entry e {
        param p [4] = ones // ERROR "param may not stand in an entry"
        output x
    }
}
