edition 1

@role(head)
block Head() {
    input x [batch, d]
    output x -> out: linear(2)
}

model M() {
    input x float32[batch, 4]
    y = x -> bias: linear(4) -> head: Head
    output y
    train a {
        loss mean(y * y)
        optimizer sgd(lr = 0.1) on "hed.*" // ERROR "matches no parameter"
    }
    train b {
        loss mean(y * y)
        optimizer sgd(lr = 0.1) on hed // ERROR "hed matches no parameter.*did you mean head"
    }
    train c {
        loss mean(y * y)
        optimizer sgd(lr = 0.1) on head // ERROR "head is a role and also the name of head"
    }
    train d {
        freeze bias // ERROR "bias is a role and also the name of bias"
        loss mean(y * y)
        optimizer sgd(lr = 0.1)
    }
    train e {
        freeze "bias.*"
        loss mean(y * y)
        optimizer sgd(lr = 0.1) on "bias.*", "head.*"
        optimizer sgd(lr = 0.1) on "head.out.*" // ERROR "two optimizers would change head.out.weight"
    }
}
