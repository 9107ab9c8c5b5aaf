edition 1

block A(n) {
    input x [batch, d]
    output x -> fc: linear(n)
}
block B(n) {
    input x [batch, d]
    output x -> fc: linear(n) -> relu -> more: linear(n)
}
block C(n) {
    input x [batch, d]
    output x -> fc: linear(n, bias = false)
}

model M() {
    input x float32[batch, 4]
    layer a = A(4)
    layer b = A(5)
    @frozen layer t = A(4)
    @frozen layer u = B(4)
    layer c = C(4)
    y = x -> a
    w = x -> b
    v = (x -> t) + (x -> u) + (x -> c)
    output y, v, w
    train p {
        loss mean(y * y)
        optimizer sgd(lr = 0.1) on a
        update u = lerp(u, a, 0.1) // ERROR "a has no tensor more.weight, which the updated layer has"
    }
    train q {
        loss mean(y * y)
        optimizer sgd(lr = 0.1) on a
        update t = lerp(t, b, 0.1) // ERROR "do not broadcast"
    }
    train r {
        loss mean(y * y)
        optimizer sgd(lr = 0.1) on a
        update a = lerp(a, t, 0.1) // ERROR "a.fc.weight is learned, so it may not be updated here"
    }
    train s {
        loss mean(v * v)
        optimizer sgd(lr = 0.1) on t // ERROR "depends on no parameter that this optimizer may change"
    }
}
