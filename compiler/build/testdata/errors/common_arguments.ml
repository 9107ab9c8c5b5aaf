edition 1

model M() {
    input x float32[batch, 4]
    y = x -> fc: linear(4)
    output y
    train a {
        loss mean(y * y)
        optimizer sgd(lr = 0.1, clip_norm = 0) // ERROR "clip_norm is a number above 0"
    }
    train b {
        loss mean(y * y)
        optimizer sgd(lr = 0.1, clip_value = -1) // ERROR "clip_value is a number above 0"
    }
    train c {
        loss mean(y * y)
        optimizer sgd(lr = 0.1, ema = 1) // ERROR "ema is a number from 0 to below 1"
    }
    train d {
        loss mean(y * y)
        optimizer sgd(lr = 0.1, accumulate = 0) // ERROR "accumulate is a whole number of micro-batches, at least 1"
    }
    train e {
        loss mean(y * y)
        optimizer sgd(lr = 0.1, ema = "much") // ERROR "ema is a number.*not the string"
    }
    train f {
        loss mean(y * y)
        optimizer sgd(lr = 0.1, clip_norm = 1, norm_type = -2) // ERROR "norm_type is a number above 0"
    }
    train g {
        loss mean(y * y)
        optimizer sgd(lr = 0.1, ema = min(0.999, (1 + step) / (10 + step)), clip_norm = max(1, 10 / step))
    }
}
