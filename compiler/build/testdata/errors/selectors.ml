edition 1

model M() {
    input x float32[batch, 4]
    y = x -> fc: linear(4)
    output y
    train {
        loss mean(y * y)
        optimizer sgd(lr = 0.1) {
            group norm { lr = 0.01 } // ERROR "norm matches no parameter"
            group fv { lr = 0.01 } // ERROR "fv matches no parameter.*did you mean fc"
            group bias { lrr = 0.01 } // ERROR "sgd has no argument lrr.*did you mean lr"
        }
    }
}
