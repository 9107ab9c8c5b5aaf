edition 1

model M() {
    input x float32[batch, 4]
    y = x -> fc: linear(4)
    output y
    train a {
        loss mean(y * y)
        optimizer sgd(lr = 0.1, clipnorm = 1) // ERROR "sgd has no argument clipnorm.*did you mean clip_norm"
    }
    train b {
        loss mean(y * y)
        optimizer sgd(lr = 0.1, gradient_accumulation_steps = 4) // ERROR "did you mean accumulate"
    }
    train c {
        loss mean(y * y)
        optimizer sgd(lr = 0.1, something = 4) // ERROR "it has lr, momentum, dampening, weight_decay, nesterov, maximize, clip_norm, norm_type, clip_value, accumulate, ema$"
    }
    train d {
        loss mean(y * y)
        optimizer sgd(lr = 0.1) {
            group bias { clip_norm = 1 } // ERROR "clip_norm is no setting of a group.*among the optimizer's arguments"
        }
    }
}
