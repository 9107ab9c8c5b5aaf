edition 1

// alibi is a bias [heads, time, time] for attention scores: -slope * |i - j|, with
// slopes 2^(-8/heads), 2^(-16/heads), ... of the heads (Press et al. 2022). When
// heads is not a power of two, the slopes of the power below come first, then every
// other one of the power above.
//
// Give it to scaled_dot_product_attention as mask, with is_causal = true in a
// language model. There is no such word in PyTorch or Keras.
block alibi(heads, time) {
    power = 1
    for i in range(16) {
        power = select(2 * power <= heads, 2 * power, power)
    }
    slopes = pow(2, -8 / power * cast(arange(1, power + 1), float32))
    if power < heads {
        odd = cast(arange(1, 2 * (heads - power), step = 2), float32)
        slopes = concat(slopes, pow(2, -4 / power * odd))
    }
    at = arange(time)
    distance = cast(abs(at - reshape(at, [-1, 1])), float32)
    output -reshape(slopes, [heads, 1, 1]) * distance
}
