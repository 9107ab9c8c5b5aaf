edition 1

model M() {
    input x float32[batch, 4]
    y = x -> fc: linear(4)
    output y
    train {
        loss mean(y * y)
        optimizer sgd(lr = 0.1) {
            group bias { lr = 0.01 }
            group "fc.*" { lr = 0.02 } // ERROR "two groups set lr of fc.bias"
        }
    }
}
