edition 1

// positional_encoding adds sines and cosines of the position: element 2i of position
// t is sin(t / 10000^(2i / d)), element 2i + 1 is its cosine (Vaswani et al. 2017).
//
// It has no parameters. There is no such word in PyTorch or Keras.
block positional_encoding(base = 10000) {
    input x [..., time, d]
    rates  = exp(cast(arange(0, d, step = 2), dtype(x)) * (-log(base) / d))
    angles = reshape(cast(arange(time), dtype(x)), [time, 1]) * rates
    output x + reshape(stack(sin(angles), cos(angles), axis = -1), [time, d])
}
